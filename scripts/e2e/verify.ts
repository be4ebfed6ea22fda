// `node scripts/e2e/verify.ts ROOT EXPECTED.jsonl [no-modes]`: is a root file system what an independent tree lister saw in the image?
// Meant for jobs without root rights: owners are not compared, devices may be missing. no-modes: for Windows, which has none.
import { createHash } from 'node:crypto';
import { lstatSync, readdirSync, readFileSync, readlinkSync, type Stats } from 'node:fs';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';

interface Entry {
  readonly path: string;
  readonly type: string;
  readonly mode?: string;
  readonly mtime?: number;
  readonly size?: number;
  readonly sha256?: string;
  readonly target?: string;
}

const DEVICES = ['char', 'block'];
const MAX_SHOWN = 20;

const [root, expectedFile, noModes] = process.argv.slice(2);
if (!root || !expectedFile) throw new Error('usage: verify.ts ROOT EXPECTED.jsonl');
const expected = readExpected(expectedFile).filter((entry) => !DEVICES.includes(entry.type));
const names = new Set(expected.map((entry) => entry.path));
const faults = [
  ...expected.flatMap((entry) => compare(entry, describe(root, entry.path))),
  ...list(root, '').flatMap((path) => (names.has(path) ? [] : surplus(root, path))),
];
for (const fault of faults.slice(0, MAX_SHOWN)) console.error(fault);
console.log(`${root}: ${expected.length} entries expected, ${faults.length} faults`);
process.exitCode = faults.length === 0 ? 0 : 1;

function readExpected(file: string): Entry[] {
  const lines = readFileSync(file, 'utf8').trim().split('\n');
  return lines.map((line) => JSON.parse(line) as Entry);
}

function compare(wanted: Entry, found: Entry | undefined): string[] {
  if (!found) return [`missing: ${wanted.path}`];
  const keys = ['type', 'mode', 'mtime', 'size', 'sha256', 'target'] as const;
  return keys
    .filter((key) => !(key === 'mode' && noModes))
    .filter((key) => !isDeepStrictEqual(wanted[key], found[key]))
    .map((key) => `${wanted.path}: ${key} is ${found[key]}, not ${wanted[key]}`);
}

function surplus(base: string, path: string): string[] {
  const found = describe(base, path);
  return found && DEVICES.includes(found.type) ? [] : [`not in the image: ${path}`];
}

function describe(base: string, path: string): Entry | undefined {
  const full = join(base, path);
  const stats = lstatSync(full, { throwIfNoEntry: false });
  if (!stats) return undefined;
  const type = typeOf(stats);
  if (type === 'link') return { path, type, target: readlinkSync(full) };
  const mode = `0o${(stats.mode & 0o7777).toString(8)}`;
  const mtime = path === '' ? {} : { mtime: Math.floor(stats.mtimeMs / 1000) };
  if (type !== 'file') return { path, type, mode, ...mtime };
  const sha256 = createHash('sha256').update(readFileSync(full)).digest('hex');
  return { path, type, mode, ...mtime, size: stats.size, sha256 };
}

function typeOf(stats: Stats): string {
  if (stats.isDirectory()) return 'dir';
  if (stats.isSymbolicLink()) return 'link';
  if (stats.isFIFO()) return 'fifo';
  if (stats.isCharacterDevice()) return 'char';
  if (stats.isBlockDevice()) return 'block';
  return stats.isFile() ? 'file' : 'sock';
}

/** Every path below `path`, relative to `base`. */
function list(base: string, path: string): string[] {
  return readdirSync(join(base, path), { withFileTypes: true }).flatMap((entry) => {
    const inner = path === '' ? entry.name : `${path}/${entry.name}`;
    return entry.isDirectory() ? [inner, ...list(base, inner)] : [inner];
  });
}
