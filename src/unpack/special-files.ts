// Makes devices and FIFOs, for which Node has no call, with mknod and mkfifo of the host: a few processes for a whole image.
import type { TarEntry } from '../tar/entry.ts';
import type { FileSink } from './file-sink.ts';
import { findTool, runTool, type ToolResult } from './host-tools.ts';
import type { HostPaths } from './names.ts';
import type { OwnerPolicy } from './ownership.ts';
import type { SkipList } from './skips.ts';
import type { SpecialFile } from './tree.ts';

export interface SpecialFileContext {
  readonly sink: FileSink;
  readonly paths: HostPaths;
  readonly owner: OwnerPolicy;
  readonly skips: SkipList;
}

/** One device or FIFO with all the names it has in the tree. */
export interface NamedSpecialFile {
  readonly file: SpecialFile;
  readonly names: readonly [string, ...string[]];
}

const TYPE_LETTERS = { char: 'c', block: 'b' } as const;

export function specialFileOf(entry: TarEntry): SpecialFile {
  const { mode, uid, gid, mtime, mtimeText, deviceMajor, deviceMinor } = entry;
  const kind = entry.kind === 'fifo' || entry.kind === 'char' ? entry.kind : 'block';
  return { kind, mode, uid, gid, mtime, mtimeText, deviceMajor, deviceMinor };
}

/** What cannot be made is recorded, not fatal. Throws UNPACK_FAILED where attributes or further names cannot be set. */
export async function makeSpecialFiles(
  files: readonly NamedSpecialFile[],
  context: SpecialFileContext,
): Promise<void> {
  const isMade = ({ file }: NamedSpecialFile) => file.kind === 'fifo' || context.owner === 'preserve';
  for (const special of files.filter((each) => !isMade(each)))
    skip(special, 'devices are made only where owners are preserved', context);
  const wanted = files.filter(isMade);
  const fifos = wanted.filter(({ file }) => file.kind === 'fifo');
  const devices = wanted.filter(({ file }) => file.kind !== 'fifo');
  const results = [
    await runForEach(
      'mkfifo',
      [],
      fifos.map((fifo) => [context.paths.raw(fifo.names[0])]),
    ),
    await runForEach(
      'mknod',
      ['-n', '4'],
      devices.map((device) => mknodArguments(device, context.paths)),
    ),
  ];
  const reason = results.map((result) => reasonOf(result)).find((text) => text !== '') ?? 'it was not made';
  for (const special of wanted) finish(special, reason, context);
}

/** Feeds arguments, NUL-separated because names are bytes, through xargs to `tool`. */
async function runForEach(
  tool: string,
  xargs: string[],
  argumentLists: string[][],
): Promise<ToolResult | undefined> {
  if (argumentLists.length === 0) return undefined;
  const [xargsPath, toolPath] = [findTool('xargs'), findTool(tool)];
  if (!xargsPath || !toolPath)
    return { status: undefined, stdout: '', stderr: `this host has no ${xargsPath ? tool : 'xargs'}` };
  const input = argumentLists
    .flat()
    .map((argument) => `${argument}\0`)
    .join('');
  return runTool(xargsPath, ['-0', ...xargs, toolPath, '-m', '600'], Buffer.from(input, 'latin1'));
}

function mknodArguments({ file, names }: NamedSpecialFile, paths: HostPaths): string[] {
  const type = file.kind === 'fifo' ? 'p' : TYPE_LETTERS[file.kind];
  return [paths.raw(names[0]), type, String(file.deviceMajor), String(file.deviceMinor)];
}

/** The last part of the first complaint. */
function reasonOf(result: ToolResult | undefined): string {
  const line = result?.stderr.split('\n')[0] ?? '';
  return line.slice(line.lastIndexOf(': ') + 1).trim();
}

function finish(special: NamedSpecialFile, reason: string, context: SpecialFileContext): void {
  const [first, ...others] = special.names;
  if (!context.sink.setSpecialFile(first, special.file)) skip(special, reason, context);
  else for (const name of others) context.sink.makeHardLink(name, first, 'special');
}

function skip({ file, names }: NamedSpecialFile, reason: string, { skips }: SpecialFileContext): void {
  for (const name of names) skips.add(name, file.kind === 'fifo' ? 'fifo' : 'device', reason);
}
