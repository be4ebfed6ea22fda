import { randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { PullError, toErrorData } from '../../src/errors.ts';
import { digestOf } from '../../src/integrity/hash.ts';
import { parseDigest } from '../../src/oci/digest.ts';
import { diagnose } from '../../src/unpack/diagnose.ts';
import { InputFiles } from '../../src/unpack/inputs.ts';
import type { LayerInput } from '../../src/unpack/job.ts';
import { DEFAULT_LIMITS } from '../../src/unpack/limits.ts';
import { Quota } from '../../src/unpack/quota.ts';
import { RunReader } from '../../src/unpack/run-reader.ts';
import { streamChunks } from '../../src/unpack/stream-toc.ts';
import { ProgressBoard } from '../../src/workers/progress-board.ts';
import { rejected } from '../support/pull-error.ts';
import { collector } from '../support/slices.ts';
import { temporaryDirectories } from '../support/temporary.ts';

const newDirectory = temporaryDirectories();

type Cut = readonly [member: number, innerOffset: number, size: number];

/** A layer whose members lie one after the other in one file, and chunks of these. */
function layerOf(contents: readonly Buffer[], compress: (bytes: Buffer) => Buffer, cuts: readonly Cut[]) {
  const path = join(newDirectory(), 'pack');
  const members = contents.map(compress);
  writeFileSync(path, Buffer.concat(members));
  const offsets = members.map((_, at) => members.slice(0, at).reduce((sum, { length }) => sum + length, 0));
  const column = (value: (cut: Cut) => number) => Float64Array.from(cuts, value);
  const parts = cuts.map(([member, from, size]) => contents[member]?.subarray(from, from + size) as Buffer);
  const chunks = {
    files: new Uint32Array(cuts.length),
    offsets: column(([member]) => offsets[member] as number),
    compressedSizes: column(([member]) => members[member]?.length as number),
    sizes: column(([, , size]) => size),
    groups: new Int32Array(cuts.length).fill(-1),
    ready: new Float64Array(cuts.length),
    innerOffsets: column(([, innerOffset]) => innerOffset),
  };
  const digests = parts.map((part) => Buffer.from(digestOf(part).slice('sha256:'.length), 'hex'));
  const digest = parseDigest(digestOf(Buffer.from('layer')), 'layer');
  const layer = {
    kind: 'chunked' as const,
    digest,
    diffId: digest,
    chunks,
    chunkDigests: new Uint8Array(Buffer.concat(digests)),
    firstChunk: Uint32Array.of(0, cuts.length),
    tarSplit: undefined,
    tarSplitDigest: undefined,
  } satisfies LayerInput;
  return { path, layer, parts };
}

async function play({ path, layer }: ReturnType<typeof layerOf>, totalSize = DEFAULT_LIMITS.totalSize) {
  const files = new InputFiles({ files: [path] }, ProgressBoard.create(0));
  const quota = new Quota({ ...DEFAULT_LIMITS, totalSize });
  const output = collector();
  let decoded = 0;
  const reader = new RunReader(layer.chunks, files, ProgressBoard.create(0), (bytes) => {
    decoded += bytes;
    quota.countStream(bytes);
  });
  try {
    await streamChunks(layer, reader, output.sink);
    return { bytes: output.bytes(), decoded };
  } finally {
    files.close();
  }
}

const MiB = 1 << 20;
const COMPRESSIONS = [
  ['gzip', (bytes: Buffer) => gzipSync(bytes, { level: 1 })],
  ['zstd', (bytes: Buffer) => zstdCompressSync(bytes)],
] as const;

describe.each(COMPRESSIONS)('chunks that share a member of %s', (_, compress) => {
  const deep = (count: number): Cut[] => Array.from({ length: count }, (__, at) => [0, 32 * MiB + at, 1]);

  it('are what they are, from several members', async () => {
    const contents = [randomBytes(1000), randomBytes(700_000), randomBytes(50)];
    const cuts: Cut[] = [
      [0, 0, 10],
      [0, 500, 20],
      [1, 0, 300_000],
      [1, 300_000, 400_000],
      [2, 7, 1],
      [0, 0, 10],
      [0, 5, 10],
    ];
    const layer = layerOf(contents, compress, cuts);
    const { bytes } = await play(layer);
    expect(bytes.equals(Buffer.concat(layer.parts))).toBe(true);
  });

  it('are had by decoding it once, however many there are', async () => {
    const { bytes, decoded } = await play(layerOf([Buffer.alloc(34 * MiB)], compress, deep(10_000)));
    expect(bytes.length).toBe(10_000);
    expect(decoded).toBeLessThanOrEqual(34 * MiB);
  });

  it('count for the limit of all bytes with what is passed over', async () => {
    await rejected('LIMIT_EXCEEDED', play(layerOf([Buffer.alloc(34 * MiB)], compress, deep(1)), 31 * MiB));
    const again = deep(2).reverse();
    await rejected('LIMIT_EXCEEDED', play(layerOf([Buffer.alloc(34 * MiB)], compress, again), 60 * MiB));
  });

  it('are told apart where one of them is not what its digest says', async () => {
    const cuts: Cut[] = [0, 10, 20, 30].map((at) => [0, at, 10]);
    const layer = layerOf([randomBytes(100)], compress, cuts);
    layer.layer.chunkDigests[2 * 32] = ((layer.layer.chunkDigests[2 * 32] as number) + 1) % 256;
    await rejected('DIGEST_MISMATCH', play(layer));
    const found = await diagnose({
      files: [layer.path],
      board: new SharedArrayBuffer(0),
      layer: layer.layer,
      index: 0,
      error: toErrorData(new PullError('DIGEST_MISMATCH', 'wrong')),
    });
    expect(found).toMatchObject({ kind: 'corrupt', found: { chunks: [2] } });
  });

  it('are looked at within the limits of the pull', async () => {
    const { path, layer } = layerOf([Buffer.alloc(34 * MiB)], compress, deep(1));
    const error = toErrorData(new PullError('TAR_INVALID', 'wrong'));
    const job = { files: [path], board: new SharedArrayBuffer(0), layer, index: 0, error };
    await rejected('LIMIT_EXCEEDED', diagnose({ ...job, limits: { totalSize: 31 * MiB } }));
    expect(await diagnose(job)).toMatchObject({ kind: 'inconsistent' });
  });
});
