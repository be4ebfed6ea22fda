// Copies chunks from where they are into fresh packs, so that an image does not depend on many packs, or on half-dead ones.
import { open } from 'node:fs/promises';
import { toPullError } from '../errors.ts';
import type { PackEntry } from './pack-format.ts';
import { type SealedPack, Staging } from './staging.ts';
import type { ChunkStore } from './store.ts';

/** A chunk to copy; its bytes have been verified. */
export interface CopiedChunk extends PackEntry {
  readonly path: string;
  /** Frames that lie inside of this blob. */
  readonly inside?: readonly PackEntry[];
}

const COPY_BYTES = 4 << 20;

/** `chunks`: in the order in which a later pull will read them. Throws STORE_FAILED or DISK_FULL, and then nothing has changed. */
export async function copyIntoFreshPacks(
  chunks: readonly CopiedChunk[],
  store: ChunkStore,
  packTarget: number,
): Promise<SealedPack[]> {
  const staging = new Staging(store);
  try {
    let number = 0;
    let offset = 0;
    for (const run of contiguousRuns(chunks)) {
      await copyRun(run, staging, { number, offset });
      offset += run.reduce((sum, chunk) => sum + chunk.compressedSize, 0);
      if (offset >= packTarget) {
        number++;
        offset = 0;
      }
    }
    return await staging.seal();
  } catch (error) {
    await staging.discard();
    throw error;
  }
}

/** Chunks that lie side by side are read and written together, up to COPY_BYTES, or one chunk where that is larger. */
function* contiguousRuns(chunks: readonly CopiedChunk[]): Generator<CopiedChunk[]> {
  let run: CopiedChunk[] = [];
  let bytes = 0;
  for (const chunk of chunks) {
    const last = run.at(-1);
    const follows = last && last.path === chunk.path && last.offset + last.compressedSize === chunk.offset;
    if (last && (!follows || bytes >= COPY_BYTES)) {
      yield run;
      run = [];
      bytes = 0;
    }
    run.push(chunk);
    bytes += chunk.compressedSize;
  }
  if (run.length > 0) yield run;
}

async function copyRun(
  run: readonly CopiedChunk[],
  staging: Staging,
  to: { number: number; offset: number },
): Promise<void> {
  const first = run[0] as CopiedChunk;
  const last = run.at(-1) as CopiedChunk;
  const length = last.offset + last.compressedSize - first.offset;
  const pack = await staging.pack(to.number);
  try {
    await using source = await open(first.path, 'r');
    for (let done = 0; done < length; ) {
      const piece = Buffer.allocUnsafe(Math.min(COPY_BYTES, length - done));
      const { bytesRead } = await source.read(piece, 0, piece.length, first.offset + done);
      if (bytesRead === 0) throw new Error(`${first.path} is shorter than it was`);
      await pack.write(to.offset + done, [piece.subarray(0, bytesRead)]);
      done += bytesRead;
    }
  } catch (cause) {
    throw toPullError(cause, { code: 'STORE_FAILED', message: `${first.path} cannot be copied` });
  }
  for (const { path: _, inside = [], ...entry } of run) {
    for (const each of [entry, ...inside])
      pack.add({ ...each, offset: to.offset + each.offset - first.offset });
  }
}
