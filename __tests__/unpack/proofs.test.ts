// The jobs of unpacking, each for itself: what is hashed, what is proven, and who is to blame.
import { lstatSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { PullJobs } from '../../src/pull/jobs.ts';
import { applyLayers } from '../../src/unpack/apply.ts';
import { diagnose } from '../../src/unpack/diagnose.ts';
import type { LayerInput, UnpackEvent, UnpackJob } from '../../src/unpack/job.ts';
import { createRing, proveRing, RingReader, RingWriter, stopRing } from '../../src/unpack/ring.ts';
import { blobAlgorithms, streamAlgorithms, streamLayers } from '../../src/unpack/stream.ts';
import { WorkerPool } from '../../src/workers/pool.ts';
import { buildChunkedLayer } from '../support/chunked-layer.ts';
import { sampleDigest } from '../support/descriptors.ts';
import { rejected } from '../support/pull-error.ts';
import { dir, file, tar } from '../support/tar-builder.ts';
import { temporaryDirectories } from '../support/temporary.ts';
import { chunkedLayer, damaged, type LayerFile, plainLayer, unpackJob } from '../support/unpack-job.ts';

const newDirectory = temporaryDirectories();
const ONE = tar(dir('./', { mode: 0o755 }), file('one', '1'));
const TWO = tar(file('two', '2'));
const BUILT = buildChunkedLayer([
  { name: 'a', body: 'a'.repeat(99) },
  { name: 'b', body: 'b'.repeat(99) },
]);
const fresh = plainLayer(ONE);
const kept = plainLayer(ONE, { isKept: true });
const chunked = chunkedLayer(BUILT);
const OS_BYTE = 9;
const job = (...layers: LayerFile[]) => unpackJob(newDirectory(), layers);
const of = (...layers: LayerFile[]) => layers.map(({ layer }) => layer);

describe('what is hashed', () => {
  const sha512 = {
    ...fresh,
    layer: { ...fresh.layer, diffId: `sha512:${'0'.repeat(128)}` as typeof fresh.layer.diffId },
  };

  it('is every tar stream but that of a layer that was kept, whose blob proves it', () => {
    const expected = ['sha256', undefined, 'sha256', 'sha512'];
    expect(streamAlgorithms(of(fresh, kept, chunked, sha512))).toEqual(expected);
  });

  it('is the blob of every layer that is taken whole', () => {
    expect(blobAlgorithms(of(fresh, kept, chunked, sha512))).toEqual(['sha256', 'sha256', 'sha256']);
    expect(blobAlgorithms(of(chunked))).toEqual([]);
  });
});

describe('streamLayers', () => {
  let pool: WorkerPool<PullJobs>;
  beforeEach(() => {
    pool = new WorkerPool<PullJobs>(new URL('../../src/worker.ts', import.meta.url), 2);
  });
  afterEach(() => pool.close());

  /** With threads that hash for it. */
  async function stream(input: UnpackJob) {
    const [ring, stored] = [createRing(), createRing()];
    const hash = (memory: SharedArrayBuffer, algorithms: PullJobs['hash']['input']['algorithms']) => {
      if (algorithms.some(Boolean)) pool.run('hash', { ring: memory, algorithms }).catch(() => undefined);
    };
    hash(ring, streamAlgorithms(input.layers));
    hash(stored, blobAlgorithms(input.layers));
    return { ring, outcome: await streamLayers({ ...input, ring, stored }) };
  }

  it('decodes the layers one after the other', async () => {
    const { ring, outcome } = await stream(job(kept, plainLayer(TWO, { isKept: true })));
    expect(outcome).toEqual({ kind: 'done' });
    const reader = new RingReader(ring, 'apply');
    const streams = [0, 1].map(() => {
      const parts: Buffer[] = [];
      reader.readStream((bytes) => parts.push(Buffer.from(bytes)));
      reader.endStream();
      return Buffer.concat(parts);
    });
    expect(streams).toEqual([ONE, TWO]);
  });

  it('tells which layer cannot be decoded, and that a file is gone', async () => {
    const input = job(kept, damaged(plainLayer(TWO, { isKept: true }), 40));
    const { outcome } = await stream(input);
    expect(outcome).toMatchObject({ kind: 'failed', layer: 1, error: { code: 'TAR_INVALID' } });
    const files = input.files.map((path) => `${path}.gone`);
    expect((await stream({ ...input, files })).outcome).toMatchObject({
      layer: 0,
      error: { code: 'STORE_FAILED' },
    });
  });

  it.each([
    ['fetched', damaged(fresh, OS_BYTE)],
    ['kept', damaged(kept, OS_BYTE)],
  ])('does not take a %s blob that decodes to the right layer but is another one', async (_, wrong) => {
    const { outcome } = await stream(job(chunked, wrong));
    expect(outcome).toMatchObject({
      kind: 'failed',
      layer: 1,
      error: { code: 'DIGEST_MISMATCH', message: expect.stringContaining(wrong.layer.digest) },
    });
  });

  it('ends where the ring is stopped', async () => {
    const ring = createRing();
    stopRing(ring);
    const outcome = await streamLayers({ ...job(chunked), ring, stored: createRing() });
    expect(outcome).toMatchObject({ error: { code: 'ABORTED' } });
  });

  it('ends where the pull is cancelled', async () => {
    const arrival = { groups: [0], groupBytes: 9 };
    const input = unpackJob(newDirectory(), [plainLayer(ONE, { arrival })], 1);
    const ended = stream(input);
    input.progress.abort();
    expect((await ended).outcome).toMatchObject({ kind: 'failed', layer: 0, error: { code: 'ABORTED' } });
  });
});

describe('applyLayers', () => {
  /** A ring with these streams, all of them ended. */
  function filled(...streams: readonly Buffer[]): SharedArrayBuffer {
    const ring = createRing();
    const writer = new RingWriter(ring, []);
    for (const bytes of streams) {
      writer.write(bytes);
      writer.endStream();
    }
    return ring;
  }

  async function apply(ring: SharedArrayBuffer, layerCount: number, entries = 100) {
    const { root } = job();
    const events: UnpackEvent[] = [];
    const input = {
      root,
      owner: 'runner',
      limits: { entries },
      ring,
      layers: Array(layerCount).fill({}),
    } as const;
    const outcome = await applyLayers(input, (event) => events.push(event));
    return { outcome, events, mode: lstatSync(root).mode & 0o777 };
  }

  it('finishes a tree that is proven', async () => {
    const ring = filled(ONE, TWO);
    proveRing(ring);
    const { outcome, events, mode } = await apply(ring, 2);
    expect(outcome).toMatchObject({ kind: 'done', layers: [{ entries: 2 }, { entries: 1 }] });
    expect(events).toEqual([
      { layer: 0, entries: 2 },
      { layer: 1, entries: 1 },
    ]);
    expect(mode).toBe(0o755);
  });

  it('never finishes one that is not, and leaves it to others to say why', async () => {
    const ring = filled(ONE, TWO);
    stopRing(ring);
    const { outcome, mode } = await apply(ring, 2);
    expect(outcome).toMatchObject({ kind: 'failed', layer: undefined, error: { code: 'ABORTED' } });
    expect(mode).toBe(0o700);
  });

  it('does not finish one that fails, though it was proven', async () => {
    const ring = filled(ONE, TWO);
    proveRing(ring);
    const { outcome, mode } = await apply(ring, 2, 2);
    expect(outcome).toMatchObject({ kind: 'failed', layer: 1, error: { code: 'LIMIT_EXCEEDED' } });
    expect(mode).toBe(0o700);
  });
});

describe('diagnose', () => {
  const failure = (code: 'TAR_INVALID' | 'UNPACK_FAILED' | 'DIGEST_MISMATCH') => ({
    code,
    message: 'it failed',
    hint: '',
    cause: 'because',
  });
  function ask(layer: LayerFile, error = failure('DIGEST_MISMATCH'), suffix = '') {
    const { files, board, layers } = job(fresh, layer);
    const [last = ''] = files.slice(-1);
    const input = { files: files.with(-1, last + suffix), board, error, index: 1 };
    return diagnose({ ...input, layer: layers[1] as LayerInput });
  }

  it('throws the failure itself where all bytes are right', async () => {
    for (const each of [fresh, kept]) await rejected('DIGEST_MISMATCH', ask(each));
    await rejected('UNPACK_FAILED', ask(chunked, failure('UNPACK_FAILED')));
  });

  it('calls right chunks inconsistent where the archive is to blame', async () => {
    const found = { kind: 'inconsistent', layer: 1, reason: 'it failed: because' };
    expect(await ask(chunked)).toEqual(found);
    expect(await ask(chunked, failure('TAR_INVALID'))).toEqual(found);
  });

  it('takes what cannot be read for damaged', async () => {
    expect(await ask(fresh, failure('TAR_INVALID'), '.gone')).toMatchObject({
      found: { blob: true },
    });
    const found = { chunks: [0, 1], tarSplit: true, blob: false };
    expect(await ask(chunked, failure('TAR_INVALID'), '.gone')).toMatchObject({ found });
  });

  it('does not believe a chunk that is longer or shorter than its name says', async () => {
    for (const size of [98, 100]) {
      const { stored, layer } = chunked;
      if (layer.kind !== 'chunked') throw new Error('not chunked');
      const chunks = { ...layer.chunks, sizes: Float64Array.of(size, 99) };
      const found = { chunks: [0], tarSplit: false, blob: false };
      expect(await ask({ stored, layer: { ...layer, chunks } })).toMatchObject({ kind: 'corrupt', found });
    }
  });

  it('finds a tar-split that is another one, but only where it has a name', async () => {
    const { stored, layer } = chunked;
    if (layer.kind !== 'chunked') throw new Error('not chunked');
    const named = { stored, layer: { ...layer, tarSplitDigest: sampleDigest(3) } };
    expect(await ask(named)).toMatchObject({ kind: 'corrupt', found: { tarSplit: true, chunks: [] } });
    const unnamed = { stored, layer: { ...layer, tarSplitDigest: undefined } };
    expect(await ask(unnamed)).toMatchObject({ kind: 'inconsistent' });
  });
});
