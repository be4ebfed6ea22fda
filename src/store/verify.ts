// Checks a pack the hard way: everything in it that is named by a digest has to hash to it. Packs are a stranger's: memory stays bounded.
import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { decompress } from '../compression/decompress.ts';
import { decodeFrames } from '../compression/zstd.ts';
import { decodeZstdStream } from '../compression/zstd-stream.ts';
import { describeError, PullError } from '../errors.ts';
import { createHasher, digestOf } from '../integrity/hash.ts';
import type { PackEntry, PackTable } from './pack-format.ts';
import { readPack } from './read-pack.ts';

export type PackVerdict =
  | {
      readonly kind: 'read';
      readonly chunks: number;
      /** Chunks whose bytes are not what their names say; lowercase hex. */
      readonly wrong: readonly string[];
      /** Chunks that are named by their place in a layer: nothing shows whether they are right before the layer is put together. */
      readonly unproven: number;
    }
  /** Not a whole pack of this version, or one whose chunks cannot be told apart. */
  | { readonly kind: 'broken' }
  /** It may be sound. */
  | { readonly kind: 'unreadable'; readonly reason: string };

/** A chunk is decoded at one go up to this, stored or decoded. */
const MAX_STORED = 4 << 20;
const MAX_DECODED = 64 << 20;
const READ_BYTES = 1 << 20;
/** Blobs lie side by side; in a pack whose blobs add up to so many times its size somebody has piled them up. */
const MAX_OVERLAP = 4;
const DONE = Symbol('nothing that follows is of interest');

/** Throws what `signal` is aborted with. */
export async function verifyPack(path: string, signal: AbortSignal): Promise<PackVerdict> {
  try {
    const pack = await readPack(path, '');
    if (!pack || pack.blobs.reduce((sum, { size }) => sum + size, 0) > MAX_OVERLAP * pack.size)
      return { kind: 'broken' };
    const { O_RDONLY, O_NOFOLLOW = 0 } = constants;
    await using file = await open(path, O_RDONLY | O_NOFOLLOW);
    const wrong: string[] = [];
    let unproven = 0;
    let membersEnd = 0;
    for (const entries of togetherWhereStored(blobsFirst(pack))) {
      signal.throwIfAborted();
      const [{ form, offset, compressedSize, innerOffset }] = entries as [PackEntry];
      const isMember = innerOffset !== undefined;
      if (form === 'part') unproven += entries.length;
      // Members lie side by side: each is decoded once, and bytes under two of them would be decoded twice.
      else if (isMember && offset < membersEnd) for (const { hex } of entries) wrong.push(hex);
      else for (const hex of await wrongOf({ file, signal }, entries)) wrong.push(hex);
      if (isMember) membersEnd = Math.max(membersEnd, offset + compressedSize);
    }
    return { kind: 'read', chunks: pack.count, wrong, unproven };
  } catch (error) {
    signal.throwIfAborted();
    return { kind: 'unreadable', reason: describeError(error) };
  }
}

function* blobsFirst(pack: PackTable): Generator<PackEntry> {
  yield* pack.blobs;
  yield* pack.others();
}

/** Many chunks may lie in one member: it is decoded once for all of them. */
function* togetherWhereStored(entries: Iterable<PackEntry>): Generator<PackEntry[]> {
  let group: PackEntry[] = [];
  for (const entry of entries) {
    const first = group[0];
    const isSame =
      first?.innerOffset !== undefined && entry.innerOffset !== undefined && first.offset === entry.offset;
    if (first && !(isSame && first.compressedSize === entry.compressedSize)) {
      yield group;
      group = [];
    }
    group.push(entry);
  }
  if (group.length > 0) yield group;
}

interface PackBytes {
  readonly file: FileHandle;
  readonly signal: AbortSignal;
}

/** Names of those that are something else. `entries`: one, or several of one member. */
async function wrongOf(pack: PackBytes, entries: readonly PackEntry[]): Promise<string[]> {
  const [entry] = entries as [PackEntry];
  try {
    if (entry.innerOffset !== undefined) return await wrongInMember(pack, entries);
    return (await digestIn(pack, entry)) === `sha256:${entry.hex}` ? [] : [entry.hex];
  } catch (error) {
    if (error instanceof PullError && error.code === 'TAR_INVALID') return entries.map(({ hex }) => hex);
    throw error;
  }
}

async function digestIn({ file, signal }: PackBytes, entry: PackEntry): Promise<string> {
  const { form, compressedSize, size } = entry;
  if (form === 'frame' && compressedSize <= MAX_STORED && size <= MAX_DECODED) {
    const stored = Buffer.alloc(compressedSize);
    await fill(file, stored, entry.offset);
    return digestOf(await decodeFrames(stored, size));
  }
  const hasher = createHasher();
  let left = size;
  const take = (bytes: Uint8Array) => {
    signal.throwIfAborted();
    left -= bytes.length;
    if (left < 0) throw new PullError('TAR_INVALID', 'a chunk is longer than it should be');
    hasher.update(bytes);
  };
  if (form === 'frame') await decodeZstdStream(readRange(file, entry), take);
  else for await (const bytes of readRange(file, entry)) take(bytes);
  if (left > 0) throw new PullError('TAR_INVALID', 'a chunk is shorter than it should be');
  return hasher.digest();
}

/** Where one chunk ends the next may begin; those that overlap are not looked at: each would be one more hash of the same bytes. */
function sideBySide(entries: readonly PackEntry[]): { chunks: PackEntry[]; wrong: string[] } {
  const chunks: PackEntry[] = [];
  const wrong: string[] = [];
  let reached = 0;
  for (const entry of entries) {
    const last = chunks.at(-1);
    const { hex, innerOffset: start = 0, size } = entry;
    if (start >= reached) chunks.push(entry);
    else if (last?.hex !== hex || last.innerOffset !== start || last.size !== size) wrong.push(hex);
    reached = Math.max(reached, start + size);
  }
  return { chunks, wrong };
}

async function wrongInMember({ file, signal }: PackBytes, entries: readonly PackEntry[]): Promise<string[]> {
  const { chunks, wrong } = sideBySide(entries);
  let [position, next] = [0, 0];
  let hasher = createHasher();
  const advance = (bytes: Uint8Array) => {
    const end = position + bytes.length;
    for (let chunk = chunks[next]; chunk; chunk = chunks[++next]) {
      const { hex, innerOffset: start = 0, size } = chunk;
      if (start < end) hasher.update(bytes.subarray(Math.max(0, start - position), start + size - position));
      if (start + size > end) break;
      if (hasher.digest() !== `sha256:${hex}`) wrong.push(hex);
      hasher = createHasher();
    }
    position = end;
  };
  const take = (bytes: Uint8Array) => {
    signal.throwIfAborted();
    advance(bytes);
    if (next === chunks.length) throw DONE;
  };
  await decompress(readRange(file, entries[0] as PackEntry), take).catch((error: unknown) => {
    if (error !== DONE) throw error;
  });
  // An empty chunk may be in a member of no bytes.
  advance(new Uint8Array());
  for (const { hex } of chunks.slice(next)) wrong.push(hex);
  return wrong;
}

/** Each piece is overwritten by the next. */
async function* readRange(
  file: FileHandle,
  { offset, compressedSize }: PackEntry,
): AsyncGenerator<Uint8Array> {
  const memory = Buffer.alloc(Math.min(READ_BYTES, compressedSize));
  for (let done = 0; done < compressedSize; ) {
    const piece = memory.subarray(0, Math.min(memory.length, compressedSize - done));
    await fill(file, piece, offset + done);
    yield piece;
    done += piece.length;
  }
}

async function fill(file: FileHandle, bytes: Buffer, position: number): Promise<void> {
  for (let done = 0; done < bytes.length; ) {
    const { bytesRead } = await file.read(bytes, done, bytes.length - done, position + done);
    if (bytesRead === 0) throw new Error('the file has become shorter');
    done += bytesRead;
  }
}
