// Lists a directory tree as records that can be compared: what the fixtures' expected-*.jsonl files hold.
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import * as fs from 'node:fs';

export interface TreeRecord {
  readonly path: string;
  readonly type: 'dir' | 'file' | 'link' | 'fifo' | 'char' | 'block' | 'sock';
  /** As Python's oct() writes it; not for links. */
  mode?: string;
  /** Whole seconds; neither for links nor for the root. */
  mtime?: number;
  /** Nanoseconds, with the option `exact`: then in place of `mtime`, and of everything. */
  mtimeNs?: bigint;
  uid?: number;
  gid?: number;
  size?: number;
  sha256?: string;
  /** The first name of a file that has several; with the option `exact`, of anything but directories. */
  hard?: string;
  target?: string;
  rdev?: [number, number];
  /** Values in hexadecimal; not for links. */
  xattrs?: Record<string, string>;
}

export interface TreeOptions {
  readonly noOwner?: boolean;
  readonly noXattrs?: boolean;
  readonly noDevices?: boolean;
  readonly exact?: boolean;
}

const GETFATTR = ['/usr/bin/getfattr', '/bin/getfattr'].find((path) => fs.existsSync(path));

/** Without getfattr, extended attributes are neither listed nor expected. */
export const canListXattrs = GETFATTR !== undefined;

/** One record an entry, the root's path being empty, sorted by the bytes of the paths. */
export function listTree(root: string, options: TreeOptions = {}): TreeRecord[] {
  const xattrs =
    options.noXattrs || !canListXattrs ? new Map<string, Record<string, string>>() : readXattrs(root);
  const firstNames = new Map<bigint, string>();
  const base = Buffer.from(root);
  return treePaths(base)
    .sort(Buffer.compare)
    .map((path) => describe(base, path, { options, firstNames, xattrs }))
    .filter((record) => !(options.noDevices && (record.type === 'char' || record.type === 'block')));
}

/** The tree that the fixture image's tag must give, without what the options leave out. */
export function expectedTree(tag: string, options: TreeOptions = {}): TreeRecord[] {
  const fixture = new URL(`../fixtures/image/expected-${tag}.jsonl`, import.meta.url);
  const lines = fs.readFileSync(fixture, 'utf8').trim().split('\n');
  const records = lines.map((line) => JSON.parse(line) as TreeRecord);
  for (const record of records) {
    if (options.noOwner) {
      delete record.uid;
      delete record.gid;
    }
    if (options.noXattrs || !canListXattrs) delete record.xattrs;
  }
  return records.filter(({ type }) => !(options.noDevices && (type === 'char' || type === 'block')));
}

/** Owners, devices and capabilities can be tested by root only. */
export function isRoot(): boolean {
  return process.geteuid?.() === 0;
}

/** The bytes of all paths below, the root's own being empty; parents come first. */
export function treePaths(root: Buffer, below: Buffer = Buffer.alloc(0)): Buffer[] {
  const paths = [below];
  for (const entry of fs.readdirSync(joinPath(root, below), { withFileTypes: true, encoding: 'buffer' })) {
    const path = joinPath(below, entry.name);
    paths.push(...(entry.isDirectory() ? treePaths(root, path) : [path]));
  }
  return paths;
}

export function joinPath(parent: Buffer, name: Buffer): Buffer {
  if (name.length === 0) return parent;
  return parent.length === 0 ? name : Buffer.concat([parent, Buffer.from('/'), name]);
}

interface Context {
  readonly options: TreeOptions;
  readonly firstNames: Map<bigint, string>;
  readonly xattrs: ReadonlyMap<string, Record<string, string>>;
}

function describe(root: Buffer, path: Buffer, context: Context): TreeRecord {
  const full = joinPath(root, path);
  const stats = fs.lstatSync(full, { bigint: true });
  const record: TreeRecord = { path: decodeName(path), type: typeOf(stats) };
  if (record.type !== 'link') {
    record.mode = `0o${(Number(stats.mode) & 0o7777).toString(8)}`;
    if (path.length > 0 && !context.options.exact) record.mtime = Number(stats.mtimeNs / 1_000_000_000n);
    const xattrs = context.xattrs.get(full.toString('latin1'));
    if (xattrs) record.xattrs = xattrs;
  }
  if (!context.options.noOwner) {
    record.uid = Number(stats.uid);
    record.gid = Number(stats.gid);
  }
  if (context.options.exact) record.mtimeNs = stats.mtimeNs;
  if (record.type === 'file') addContent(record, full, stats.size);
  if (record.type === 'file' || (context.options.exact && record.type !== 'dir'))
    addGroup(record, stats, context.firstNames);
  if (record.type === 'link') record.target = decodeName(fs.readlinkSync(full, 'buffer'));
  if (record.type === 'char' || record.type === 'block') record.rdev = [major(stats.rdev), minor(stats.rdev)];
  return record;
}

function addContent(record: TreeRecord, full: Buffer, size: bigint): void {
  record.size = Number(size);
  record.sha256 = createHash('sha256').update(fs.readFileSync(full)).digest('hex');
}

function addGroup(record: TreeRecord, stats: fs.BigIntStats, firstNames: Map<bigint, string>): void {
  if (stats.nlink < 2n) return;
  const first = firstNames.get(stats.ino) ?? record.path;
  firstNames.set(stats.ino, first);
  record.hard = first;
}

function typeOf(stats: fs.BigIntStats): TreeRecord['type'] {
  if (stats.isDirectory()) return 'dir';
  if (stats.isFile()) return 'file';
  if (stats.isSymbolicLink()) return 'link';
  if (stats.isFIFO()) return 'fifo';
  if (stats.isCharacterDevice()) return 'char';
  return stats.isBlockDevice() ? 'block' : 'sock';
}

// dev_t of Linux, see makedev(3).
const major = (rdev: bigint): number => Number(((rdev >> 8n) & 0xfffn) | ((rdev >> 32n) & 0xfffff000n));
const minor = (rdev: bigint): number => Number((rdev & 0xffn) | ((rdev >> 12n) & 0xffffff00n));

/** UTF-8, and each byte that is none as a lone surrogate, like Python's surrogateescape. */
export function decodeName(bytes: Buffer): string {
  const text = bytes.toString('utf8');
  if (Buffer.from(text).equals(bytes)) return text;
  let decoded = '';
  for (let at = 0; at < bytes.length; ) {
    const length = [1, 2, 3, 4].find((count) => isCharacter(bytes.subarray(at, at + count)));
    decoded += length
      ? bytes.toString('utf8', at, at + length)
      : String.fromCharCode(0xdc00 + (bytes[at] as number));
    at += length ?? 1;
  }
  return decoded;
}

function isCharacter(bytes: Buffer): boolean {
  const text = bytes.toString('utf8');
  return !text.includes('\ufffd') && Buffer.from(text).equals(bytes);
}

/** Keys are the paths as latin1. */
function readXattrs(root: string): Map<string, Record<string, string>> {
  const options = ['-R', '-P', '-h', '-d', '-m', '-', '-e', 'hex', '--absolute-names', root];
  const dump = execFileSync(GETFATTR as string, options, { encoding: 'latin1', maxBuffer: 1 << 28 });
  const found = new Map<string, Record<string, string>>();
  for (const section of dump.split('\n\n').filter(Boolean)) {
    const [first = '', ...lines] = section.split('\n').filter(Boolean);
    const pairs = lines.map(
      (line) => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)] as const,
    );
    const values = pairs.map(([name, value]) => [unquote(name), value.replace(/^0x/, '')]);
    found.set(unquote(first.slice('# file: '.length)), Object.fromEntries(values));
  }
  return found;
}

function unquote(quoted: string): string {
  return quoted.replace(/\\([0-7]{3})/g, (_, digits: string) =>
    String.fromCharCode(Number.parseInt(digits, 8)),
  );
}
