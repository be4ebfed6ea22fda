// The worker's part of fetching: reads, verifies and decodes a layer's table of contents, of whatever dialect.
import { open } from 'node:fs/promises';
import zlib from 'node:zlib';
import type { ByteRange } from '../bytes/range.ts';
import { scanFrames } from '../compression/zstd-frames.ts';
import { digestOf } from '../integrity/hash.ts';
import type { ChunkTable } from '../layer/chunk-table.ts';
import { gapTable, type WholeReason } from '../layer/gap-table.ts';
import { isParseable } from '../layer/json-size.ts';
import { type LayerToc, parseLayerToc } from '../layer/layer-toc.ts';
import { type PackedEntries, packEntries } from '../layer/packed-entries.ts';
import { pieceTable } from '../layer/piece-table.ts';
import { MAX_TOC_SIZE } from '../layer/toc.ts';
import { tocEntries } from '../layer/toc-entries.ts';
import { tocOfMember } from '../layer/toc-member.ts';
import type { Digest } from '../oci/digest.ts';
import { partName } from '../store/part-name.ts';

/** Tar header, padding and end of archive around the TOC of an eStargz layer. */
const MAX_ARCHIVE_OVERHEAD = 1 << 20;

export interface ReadTocJob {
  /** File that holds the TOC's zstd frame, or its gzip member. */
  readonly path: string;
  readonly offset: number;
  readonly compressedSize: number;
  /** Default zstd. */
  readonly compression?: 'gzip' | 'zstd';
  /** Of these bytes, and of the JSON in them: what there is of it is checked. */
  readonly digest: Digest | undefined;
  readonly jsonDigest?: Digest | undefined;
  /** Chunks have to lie in [0, dataEnd) of the blob. */
  readonly dataEnd: number;
  /** The tar-split's frame where it is in the same file; it is then checked as well. `digest`: where the manifest gives it. */
  readonly tarSplit?: {
    readonly offset: number;
    readonly compressedSize: number;
    readonly digest: Digest | undefined;
  };
  /** Asks for the entries. */
  readonly wantsEntries?: boolean;
  /** For a layer without tar-split: asks for its pieces. */
  readonly stream?: {
    /** Of the compressed layer. */
    readonly layer: Digest;
    /** The tar stream is what [0, end) of the blob decodes to. */
    readonly end: number;
  };
}

export type ReadTocOutcome =
  | {
      readonly kind: 'toc';
      /** All chunks; those of a stargz dialect with their inner offsets. */
      readonly table: ChunkTable;
      readonly tarSplitDigest: Digest | undefined;
      /** What the tar stream is played from, where that was asked for, or why there is nothing to gain. */
      readonly pieces?: ChunkTable | WholeReason;
      /** Absent also where some of them make no sense. */
      readonly entries?: PackedEntries;
    }
  | { readonly kind: 'unusable'; readonly reason: string }
  /** bytes: the frame does not hash to its digest, or cannot be read. json: what it decodes to does not. */
  | { readonly kind: 'corrupt'; readonly of: 'bytes' | 'json'; readonly reason: string };

export async function readToc(job: ReadTocJob): Promise<ReadTocOutcome> {
  const frame = await readFrame(job).catch(() => undefined);
  if (!frame) return { kind: 'corrupt', of: 'bytes', reason: 'its TOC cannot be read' };
  const wrong = mismatch('bytes', frame, job.digest);
  if (wrong) return wrong;
  const json = decodeToc(frame, job.compression);
  // Without a digest of these bytes nothing says that they are the ones that were meant.
  if (json === undefined)
    return {
      ...(job.digest === undefined ? { kind: 'corrupt', of: 'bytes' } : { kind: 'unusable' }),
      reason: 'its TOC cannot be decoded, or is too large',
    };
  const wrongJson = mismatch('json', json, job.jsonDigest);
  if (wrongJson) return wrongJson;
  const parsed = parseLayerToc(json.toString(), job.dataEnd);
  if (parsed.kind !== 'toc') return parsed;
  const { tarSplitDigest } = parsed;
  const fault = await tarSplitFault(job, tarSplitDigest);
  if (fault !== undefined) return { kind: 'unusable', reason: fault };
  const table = parsed.innerOffsets ? { ...parsed.table, innerOffsets: parsed.innerOffsets } : parsed.table;
  const pieces = job.stream && piecesOf(parsed, job.dataEnd, job.stream);
  const entries = job.wantsEntries ? entriesOf(parsed) : {};
  return { kind: 'toc', table, tarSplitDigest, ...(pieces ? { pieces } : {}), ...entries };
}

function entriesOf(toc: LayerToc): { entries?: PackedEntries } {
  const parsed = tocEntries(toc);
  return parsed.kind === 'entries' ? { entries: packEntries(parsed.entries) } : {};
}

function mismatch(
  of: 'bytes' | 'json',
  bytes: Uint8Array,
  expected: Digest | undefined,
): ReadTocOutcome | undefined {
  const actual = expected && digestOf(bytes);
  return actual === expected
    ? undefined
    : { kind: 'corrupt', of, reason: `its TOC hashes to ${actual} instead of ${expected}` };
}

function piecesOf(
  toc: LayerToc,
  dataEnd: number,
  { layer, end }: NonNullable<ReadTocJob['stream']>,
): ChunkTable | WholeReason {
  const gaps = gapTable(toc, end);
  const nameOf = (range: ByteRange) => Buffer.from(partName(layer, range), 'hex');
  return gaps.kind === 'whole' ? gaps.reason : pieceTable(toc, gaps, { dataEnd, nameOf });
}

/** What will be kept under a name has to have it. A tar-split without a name is not kept, and proves itself with the layer. */
async function tarSplitFault(
  { path, tarSplit }: ReadTocJob,
  named: Digest | undefined,
): Promise<string | undefined> {
  const digest = named ?? tarSplit?.digest;
  if (!tarSplit || !digest) return undefined;
  const frame = await readFrame({ path, ...tarSplit }).catch(() => undefined);
  if (!frame) return 'its tar-split cannot be read';
  return digestOf(frame) === digest ? undefined : 'its tar-split does not match its digest';
}

async function readFrame(job: { path: string; offset: number; compressedSize: number }): Promise<Buffer> {
  const file = await open(job.path, 'r');
  try {
    const frame = Buffer.alloc(job.compressedSize);
    const { bytesRead } = await file.read(frame, 0, frame.length, job.offset);
    if (bytesRead < frame.length) throw new Error(`${job.path} is too short`);
    return frame;
  } finally {
    await file.close();
  }
}

/** The size that the annotation declares is not trusted: what counts is what comes out. */
function decodeToc(frame: Buffer, compression: 'gzip' | 'zstd' = 'zstd'): Buffer | undefined {
  try {
    const json = compression === 'gzip' ? decodeMember(frame) : decodeFrame(frame);
    return json && isParseable(json) ? json : undefined;
  } catch {
    return undefined;
  }
}

function decodeFrame(frame: Buffer): Buffer | undefined {
  if (scanFrames(frame).length !== 1) return undefined;
  return zlib.zstdDecompressSync(frame, { maxOutputLength: MAX_TOC_SIZE });
}

/** What follows the member, a footer, decodes to nothing. */
function decodeMember(member: Buffer): Buffer | undefined {
  const archive = zlib.gunzipSync(member, { maxOutputLength: MAX_TOC_SIZE + MAX_ARCHIVE_OVERHEAD });
  const json = tocOfMember(archive);
  return json && Buffer.from(json.buffer, json.byteOffset, json.byteLength);
}
