// Sets extended attributes, for which Node has no call, with a program of the host: a few processes for a whole image.
import { findTool, runTool, type ToolResult } from './host-tools.ts';
import { MAX_XATTR_INPUT } from './limits.ts';
import type { HostPaths } from './names.ts';
import type { SkipList } from './skips.ts';
import type { Xattrs } from './tree.ts';

export interface NamedXattrs {
  /** From the root, latin1. */
  readonly path: string;
  readonly xattrs: Xattrs;
}

/** Reports what could not be set, with a reason. */
type OnFailure = (path: string, reason: string) => void;

/** Attributes that cannot be set are recorded, not fatal. Paths must not be symbolic links; none is followed. */
export async function setXattrs(
  files: readonly NamedXattrs[],
  paths: HostPaths,
  skips: SkipList,
): Promise<void> {
  if (files.length === 0) return;
  const onFailure: OnFailure = (path, reason) => skips.add(path, 'xattr', reason);
  const setfattr = findTool('setfattr');
  const python = findTool('python3');
  if (setfattr)
    for (const piece of piecesOf(files)) await withSetfattr(setfattr, { files: piece, paths, onFailure });
  else if (python)
    for (const piece of piecesOf(files)) await withPython(python, { files: piece, paths, onFailure });
  else for (const { path } of files) onFailure(path, 'this host has neither setfattr nor python3');
}

/** Files for one process each, so that the text of a whole image is never in memory at once. */
export function* piecesOf(files: readonly NamedXattrs[]): Generator<NamedXattrs[]> {
  let piece: NamedXattrs[] = [];
  let size = 0;
  for (const file of files) {
    piece.push(file);
    size += inputSize(file);
    if (size < MAX_XATTR_INPUT) continue;
    yield piece;
    piece = [];
    size = 0;
  }
  if (piece.length > 0) yield piece;
}

/** Bytes that a program is given for it, at most: each byte of a value becomes two digits, one of a name `\ooo`. */
export function inputSize({ path, xattrs }: NamedXattrs): number {
  let size = 4 * path.length;
  for (const [name, value] of xattrs) size += 4 * (path.length + name.length) + 2 * value.length;
  return size;
}

export interface XattrJob {
  readonly files: readonly NamedXattrs[];
  readonly paths: HostPaths;
  readonly onFailure: OnFailure;
}

/** The dump format of getfattr(1). Everything but plain characters is written in octal. */
export async function withSetfattr(tool: string, { files, paths, onFailure }: XattrJob): Promise<void> {
  const dump = files.map(({ path, xattrs }) => {
    const lines = [...xattrs].map(([name, value]) => `${octal(name)}=0x${hex(value)}\n`);
    return `# file: ${octal(paths.raw(path))}\n${lines.join('')}\n`;
  });
  const result = await runTool(tool, ['-h', '--restore=-'], Buffer.from(dump.join(''), 'latin1'));
  if (result.status === 0) return;
  const byComplaint = new Map(files.map(({ path }) => [paths.raw(path), path]));
  let isExplained = false;
  for (const line of result.stderr.split('\n')) {
    const [, quoted = '', reason = ''] = /^[^:]*: (.*): ([^:]*)$/.exec(line) ?? [];
    const path = byComplaint.get(unquote(quoted));
    if (path === undefined) continue;
    isExplained = true;
    onFailure(path, reason);
  }
  if (!isExplained) onFailure('', whyFailed(result));
}

const SETXATTR_SCRIPT = `
import os, sys
fields = sys.stdin.buffer.read().split(b'\\0')
for at in range(0, len(fields) - 2, 3):
    path, name, value = fields[at:at + 3]
    try:
        os.setxattr(path, name, bytes.fromhex(value.decode()), follow_symlinks=False)
    except OSError as error:
        print(at // 3, error.strerror)
`;

export async function withPython(tool: string, { files, paths, onFailure }: XattrJob): Promise<void> {
  const records = files.flatMap(({ path, xattrs }) =>
    [...xattrs].map(([name, value]) => ({ path, name, value })),
  );
  const input = records
    .map(({ path, name, value }) => `${paths.raw(path)}\0${name}\0${hex(value)}\0`)
    .join('');
  const result = await runTool(tool, ['-I', '-c', SETXATTR_SCRIPT], Buffer.from(input, 'latin1'));
  for (const line of result.stdout.split('\n').filter(Boolean)) {
    const [index, ...reason] = line.split(' ');
    onFailure(records[Number(index)]?.path ?? '', reason.join(' '));
  }
  if (result.status !== 0) onFailure('', whyFailed(result));
}

function whyFailed({ status, stderr }: ToolResult): string {
  return `setting extended attributes failed (status ${status ?? 'unknown'}): ${stderr.slice(0, 200).trim()}`;
}

function hex(value: Uint8Array): string {
  return Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString('hex');
}

/** setfattr reads `\ooo` as a byte. */
function octal(raw: string): string {
  return raw.replace(/[^A-Za-z0-9_./-]/g, (unit) => `\\${unit.charCodeAt(0).toString(8).padStart(3, '0')}`);
}

function unquote(quoted: string): string {
  return quoted.replace(/\\([0-7]{3})/g, (_, digits: string) =>
    String.fromCharCode(Number.parseInt(digits, 8)),
  );
}
