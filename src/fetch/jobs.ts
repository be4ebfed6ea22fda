// The worker's part of fetching: reads, verifies and decodes a layer's table of contents.
import { open } from 'node:fs/promises';
import zlib from 'node:zlib';
import { scanFrames } from '../compression/zstd-frames.ts';
import { digestOf } from '../integrity/hash.ts';
import type { ChunkTable } from '../layer/chunk-table.ts';
import { MAX_TOC_SIZE, parseToc } from '../layer/toc.ts';
import type { Digest } from '../oci/digest.ts';

export interface ReadTocJob {
  /** File that holds the TOC's zstd frame. */
  readonly path: string;
  readonly offset: number;
  readonly compressedSize: number;
  /** Of the frame. */
  readonly digest: Digest;
  /** Chunks have to lie in [0, dataEnd) of the blob. */
  readonly dataEnd: number;
}

export type ReadTocOutcome =
  | { readonly kind: 'toc'; readonly table: ChunkTable; readonly tarSplitDigest: Digest | undefined }
  | { readonly kind: 'unusable'; readonly reason: string }
  /** The frame does not hash to its digest, or cannot be read. */
  | { readonly kind: 'corrupt'; readonly reason: string };

export async function readToc(job: ReadTocJob): Promise<ReadTocOutcome> {
  const frame = await readFrame(job).catch(() => undefined);
  if (!frame) return { kind: 'corrupt', reason: 'its TOC cannot be read' };
  const actual = digestOf(frame);
  if (actual !== job.digest)
    return { kind: 'corrupt', reason: `its TOC hashes to ${actual} instead of ${job.digest}` };
  const json = decodeToc(frame);
  return json === undefined
    ? { kind: 'unusable', reason: 'its TOC cannot be decoded' }
    : parseToc(json, job.dataEnd);
}

async function readFrame(job: ReadTocJob): Promise<Buffer> {
  const file = await open(job.path, 'r');
  try {
    const frame = Buffer.alloc(job.compressedSize);
    await file.read(frame, 0, frame.length, job.offset);
    return frame;
  } finally {
    await file.close();
  }
}

/** The size that the annotation declares is not trusted: what counts is what comes out. */
function decodeToc(frame: Buffer): string | undefined {
  try {
    if (scanFrames(frame).length !== 1) return undefined;
    return zlib.zstdDecompressSync(frame, { maxOutputLength: MAX_TOC_SIZE }).toString();
  } catch {
    return undefined;
  }
}
