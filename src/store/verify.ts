// Checks a pack the hard way: everything in it that is named by a digest has to hash to it. Packs are a stranger's: memory stays bounded.
import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { decompress } from '../compression/decompress.ts';
import { decodeFrames } from '../compression/zstd.ts';
import { decodeZstdStream } from '../compression/zstd-stream.ts';
import { describeError, PullError } from '../errors.ts';
import { createHasher, digestOf, type Hasher } from '../integrity/hash.ts';
import type { PackEntry } from './pack-format.ts';
import { readPack } from './store.ts';

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
    for (const entries of togetherWhereStored([...pack.blobs, ...pack.others()])) {
      signal.throwIfAborted();
      if (entries[0]?.form === 'part') unproven += entries.length;
      else wrong.push(...(await wrongOf(file, entries)));
    }
    return { kind: 'read', chunks: pack.count, wrong, unproven };
  } catch (error) {
    signal.throwIfAborted();
    return { kind: 'unreadable', reason: describeError(error) };
  }
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

/** Names of those that are something else. `entries`: one, or several of one member. */
async function wrongOf(file: FileHandle, entries: readonly PackEntry[]): Promise<string[]> {
  const [entry] = entries as [PackEntry];
  try {
    if (entry.innerOffset !== undefined) return await wrongInMember(file, entries);
    return (await digestIn(file, entry)) === `sha256:${entry.hex}` ? [] : [entry.hex];
  } catch (error) {
    if (error instanceof PullError && error.code === 'TAR_INVALID') return entries.map(({ hex }) => hex);
    throw error;
  }
}

async function digestIn(file: FileHandle, entry: PackEntry): Promise<string> {
  const { form, compressedSize, size } = entry;
  if (form === 'frame' && compressedSize <= MAX_STORED && size <= MAX_DECODED) {
    const stored = Buffer.alloc(compressedSize);
    await fill(file, stored, entry.offset);
    return digestOf(await decodeFrames(stored, size));
  }
  const hasher = createHasher();
  let left = size;
  const take = (bytes: Uint8Array) => {
    left -= bytes.length;
    if (left < 0) throw new PullError('TAR_INVALID', 'a chunk is longer than it should be');
    hasher.update(bytes);
  };
  if (form === 'frame') await decodeZstdStream(readRange(file, entry), take);
  else for await (const bytes of readRange(file, entry)) take(bytes);
  if (left > 0) throw new PullError('TAR_INVALID', 'a chunk is shorter than it should be');
  return hasher.digest();
}

interface Wanted {
  readonly hex: string;
  readonly start: number;
  readonly end: number;
  readonly hasher: Hasher;
}

async function wrongInMember(file: FileHandle, entries: readonly PackEntry[]): Promise<string[]> {
  const wanted = entries.map(({ hex, innerOffset: start = 0, size }): Wanted => {
    return { hex, start, end: start + size, hasher: createHasher() };
  });
  const last = Math.max(...wanted.map(({ end }) => end));
  let position = 0;
  const take = (bytes: Uint8Array) => {
    for (const { start, end, hasher } of wanted)
      if (start < position + bytes.length && end > position)
        hasher.update(bytes.subarray(Math.max(0, start - position), end - position));
    position += bytes.length;
    if (position > last) throw DONE;
  };
  await decompress(readRange(file, entries[0] as PackEntry), take).catch((error: unknown) => {
    if (error !== DONE) throw error;
  });
  return wanted
    .filter(({ hex, end, hasher }) => end > position || hasher.digest() !== `sha256:${hex}`)
    .map(({ hex }) => hex);
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
