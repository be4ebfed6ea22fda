// The list job: what is in the tree of an image, found out without a disk. Of layers with a table of contents nothing else is read.
import { hash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { decompress } from '../compression/decompress.ts';
import { PullError } from '../errors.ts';
import { createHasher } from '../integrity/hash.ts';
import { type PackedEntries, unpackEntries } from '../layer/packed-entries.ts';
import type { TocEntry } from '../layer/toc-entries.ts';
import { type Digest, digestAlgorithm } from '../oci/digest.ts';
import type { TarHandler } from '../tar/entry.ts';
import { createTarReader } from '../tar/reader.ts';
import { DEFAULT_LIMITS, type UnpackLimits } from './limits.ts';
import { ListingSink } from './listing-sink.ts';
import { NameBudget } from './name-budget.ts';
import { Planner } from './planner.ts';
import { Quota } from './quota.ts';
import { SkipList } from './skips.ts';
import type { DirectoryNode, TreeNode, Xattrs } from './tree.ts';

export interface ListJob {
  /** Lowest first. */
  readonly layers: readonly ListedLayer[];
  readonly limits: Partial<UnpackLimits>;
}

export type ListedLayer =
  /** `digests`: of chunks, 32 bytes each. */
  | { readonly kind: 'toc'; readonly entries: PackedEntries; readonly digests: Uint8Array }
  /** A file that holds the layer as it is in the registry and nothing else. */
  | { readonly kind: 'blob'; readonly path: string; readonly digest: Digest };

/** Anything in a tree but its root. */
export interface ListedEntry {
  /** From the root, one UTF-16 unit a byte. */
  readonly path: string;
  readonly kind: 'file' | 'symlink' | 'directory' | 'char' | 'block' | 'fifo';
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  /** Bytes of a file. */
  readonly size: number;
  /** Two files with the same text here have the same content; so with links and devices. */
  readonly content: string;
  /** Two entries with the same text here have the same extended attributes. */
  readonly xattrs: string;
}

const EMPTY = hash('sha256', '', 'hex');
const DIGEST_BYTES = 32;

/** In the order of their paths. Throws as unpacking does, and DIGEST_MISMATCH for a blob that is not what its digest says. */
export async function listEntries({ layers, limits: changes }: ListJob): Promise<ListedEntry[]> {
  const limits = { ...DEFAULT_LIMITS, ...changes };
  const quota = new Quota(limits);
  const sink = new ListingSink();
  const planner = new Planner({ sink, limits, quota, owner: 'preserve', skips: new SkipList() });
  for (const [index, layer] of layers.entries()) {
    planner.beginLayer(index);
    if (layer.kind === 'toc') playEntries(layer, planner, sink);
    else await playBlob(layer, planner, quota);
    planner.endLayer();
  }
  const listed = new Listed();
  listDirectory(planner.root, '', sink, listed);
  return listed.entries.sort((a, b) => (a.path < b.path ? -1 : 1));
}

function playEntries(
  { entries, digests }: ListedLayer & { kind: 'toc' },
  planner: TarHandler,
  sink: ListingSink,
): void {
  for (const one of unpackEntries(entries)) {
    planner.entry(one.entry);
    if (one.entry.kind !== 'file') continue;
    sink.knownContent = contentOf(one, digests);
    planner.end();
  }
  sink.knownContent = undefined;
}

/** What a TOC says of a file with several chunks it usually says of all of it as well; the chunks are the next best. */
function contentOf({ firstChunk, endChunk, contentDigest }: TocEntry, digests: Uint8Array): string {
  if (contentDigest !== undefined) return contentDigest;
  if (firstChunk === endChunk) return EMPTY;
  const own = digests.subarray(firstChunk * DIGEST_BYTES, endChunk * DIGEST_BYTES);
  return endChunk - firstChunk === 1
    ? Buffer.from(own).toString('hex')
    : `chunks ${hash('sha256', own, 'hex')}`;
}

async function playBlob(
  { path, digest }: ListedLayer & { kind: 'blob' },
  handler: TarHandler,
  quota: Quota,
): Promise<void> {
  const reader = createTarReader(handler);
  const hasher = createHasher(digestAlgorithm(digest));
  async function* bytes(): AsyncGenerator<Uint8Array> {
    for await (const piece of createReadStream(path)) {
      hasher.update(piece);
      yield piece;
    }
  }
  await decompress(bytes(), (piece) => {
    quota.countStream(piece.length);
    reader.push(piece);
  });
  reader.finish();
  const actual = hasher.digest();
  if (actual !== digest) throw new PullError('DIGEST_MISMATCH', `layer ${digest} hashes to ${actual}`);
}

class Listed {
  readonly entries: ListedEntry[] = [];
  readonly #budget = new NameBudget();

  add(entry: ListedEntry): void {
    this.#budget.add(entry.path);
    this.entries.push(entry);
  }
}

function listDirectory(directory: DirectoryNode, prefix: string, sink: ListingSink, into: Listed): void {
  for (const [name, node] of directory.children) {
    const path = prefix + name;
    const found = describe(node, path, sink);
    if (found) into.add({ path, ...found });
    if (node.kind === 'directory') listDirectory(node, `${path}/`, sink, into);
  }
}

function describe(node: TreeNode, path: string, sink: ListingSink): Omit<ListedEntry, 'path'> | undefined {
  if (node.kind === 'directory') {
    const { mode, uid, gid } = node.attributes;
    return { kind: 'directory', mode, uid, gid, size: 0, content: '', xattrs: textOf(node.xattrs) };
  }
  if (node.kind === 'special') {
    const { kind, mode, uid, gid, deviceMajor, deviceMinor } = node.file;
    return { kind, mode, uid, gid, size: 0, content: `${deviceMajor}:${deviceMinor}`, xattrs: '' };
  }
  const inode = sink.inodes.get(path);
  return inode && { ...inode, xattrs: node.kind === 'file' ? textOf(node.xattrs) : '' };
}

function textOf(xattrs: Xattrs | undefined): string {
  return [...(xattrs ?? [])]
    .map(([name, value]) => `${name}=${Buffer.from(value).toString('base64')}`)
    .sort()
    .join('\n');
}
