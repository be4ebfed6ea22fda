// Puts a chunked layer's exact tar stream together: from its tar-split and its chunks, or from its chunks and the gaps between them.
import zlib from 'node:zlib';
import { releaseAfterLast } from '../bytes/release.ts';
import { scanFrames } from '../compression/zstd-frames.ts';
import { PullError } from '../errors.ts';
import { TarSplitParser, type TarSplitRecord } from '../layer/tar-split.ts';
import type { RunReader } from './run-reader.ts';

export interface RebuildInput {
  /** The tar-split's zstd frame. */
  readonly tarSplit: Uint8Array;
  /** Entry n of the archive owns the chunks [firstChunk[n], firstChunk[n + 1]). */
  readonly firstChunk: Uint32Array;
  readonly sizes: Float64Array;
  readonly chunks: RunReader;
}

/**
 * Emits the tar stream in order. Entries of tar-split and TOC are matched by ordinal, which also works for names that are not UTF-8;
 * whether they tell the same story is decided by the diffId of what is emitted. Throws TAR_INVALID where they cannot.
 */
export async function rebuildTar(input: RebuildInput, sink: (bytes: Uint8Array) => void): Promise<void> {
  let entry = 0;
  const play = async (records: readonly TarSplitRecord[]) => {
    for (const record of records) {
      if (record.kind === 'literal') sink(record.bytes);
      else await emitPayload(input, entry++, record.size, sink);
    }
  };
  const parser = new TarSplitParser();
  for await (const text of decodeTarSplit(input.tarSplit)) {
    await play(parser.push(text));
    releaseAfterLast(text);
  }
  await play(parser.end());
  if (entry !== input.firstChunk.length - 1) throw mismatch();
}

/** Without tar-split: emits what the pieces decode to, one after the other. Whether it is the layer, the diffId decides. */
export async function playPieces(
  pieces: RunReader,
  count: number,
  sink: (bytes: Uint8Array) => void,
): Promise<void> {
  for (let piece = 0; piece < count; piece++) {
    const waiting = pieces.emit(piece, sink);
    if (waiting) await waiting;
  }
}

/** Decoded. It takes some 1,300 bytes for each entry of an archive. */
const MAX_TAR_SPLIT_SIZE = 2 ** 30;

/** Text of a tar-split in slices: it is some 90 MB for 70,000 files. */
async function* decodeTarSplit(frame: Uint8Array): AsyncGenerator<Uint8Array> {
  if (frame.length === 0) return;
  // Node's decoder stops silently after the first frame, and the format has exactly one.
  if (scanFrames(frame).length !== 1)
    throw new PullError('TAR_INVALID', 'the tar-split is not one zstd frame');
  const decoder = zlib.createZstdDecompress({ chunkSize: 1 << 20 });
  decoder.end(frame);
  try {
    let size = 0;
    for await (const bytes of decoder as AsyncIterable<Uint8Array>) {
      size += bytes.length;
      if (size > MAX_TAR_SPLIT_SIZE)
        throw new PullError('TAR_INVALID', `the tar-split decodes to more than ${MAX_TAR_SPLIT_SIZE} bytes`);
      yield bytes;
    }
  } catch (cause) {
    if (cause instanceof PullError) throw cause;
    throw new PullError('TAR_INVALID', 'the tar-split cannot be decoded', { cause });
  }
}

/** `size` is the tar header's; an entry without payload may have one all the same, and then nothing follows. */
async function emitPayload(
  input: RebuildInput,
  entry: number,
  size: number,
  sink: (bytes: Uint8Array) => void,
): Promise<void> {
  const first = input.firstChunk[entry];
  const end = input.firstChunk[entry + 1];
  if (first === undefined || end === undefined) throw mismatch();
  if (first === end) return;
  let total = 0;
  for (let chunk = first; chunk < end; chunk++) total += input.sizes[chunk] as number;
  if (total !== size) throw mismatch();
  for (let chunk = first; chunk < end; chunk++) {
    const waiting = input.chunks.emit(chunk, sink);
    if (waiting) await waiting;
  }
}

function mismatch(): PullError {
  return new PullError('TAR_INVALID', 'the TOC and the tar-split of the layer describe different archives');
}
