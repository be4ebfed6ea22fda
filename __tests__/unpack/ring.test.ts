import { hash } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { DigestAlgorithm } from '../../src/oci/digest.ts';
import type { PullJobs } from '../../src/pull/jobs.ts';
import { createRing, proveRing, RingReader, RingWriter, stopRing } from '../../src/unpack/ring.ts';
import { WorkerPool } from '../../src/workers/pool.ts';

const script = new URL('../../src/worker.ts', import.meta.url);
const aborted = expect.objectContaining({ code: 'ABORTED' });
/** More than the ring holds. */
const LARGE = 40_000_000;
let pool: WorkerPool<PullJobs>;

beforeEach(() => {
  pool = new WorkerPool<PullJobs>(script, 1);
});
afterEach(() => pool.close());

describe('a ring with a hasher', () => {
  const hashed = (ring: SharedArrayBuffer, algorithms: (DigestAlgorithm | undefined)[]) =>
    pool.run('hash', { ring, algorithms });

  it.each([0, 1, 255, 262_143, 262_144, 262_145, LARGE])(
    'gives the digest of a stream of %i bytes',
    async (length) => {
      const ring = createRing();
      const done = hashed(ring, ['sha256']);
      const writer = new RingWriter(ring, ['hash']);
      const bytes = Buffer.alloc(length, 7);
      for (let at = 0; at < length; at += 100_001) writer.write(bytes.subarray(at, at + 100_001));
      writer.endStream();
      expect(writer.digest()).toBe(hash('sha256', bytes, 'hex'));
      await done;
    },
  );

  it('hashes one stream after the other, each with its own algorithm, and passes over those that need none', async () => {
    const ring = createRing();
    const algorithms: (DigestAlgorithm | undefined)[] = ['sha256', undefined, 'sha512', 'sha256'];
    const done = hashed(ring, algorithms);
    const writer = new RingWriter(ring, ['hash']);
    for (const [seed, algorithm] of algorithms.entries()) {
      const bytes = Buffer.alloc(300_000, String(seed));
      writer.write(bytes);
      writer.endStream();
      if (algorithm) expect(writer.digest()).toBe(hash(algorithm, bytes, 'hex'));
    }
    await done;
  });

  it('does not mind that the bytes it was given are overwritten afterwards', async () => {
    const ring = createRing();
    const done = hashed(ring, ['sha256']);
    const writer = new RingWriter(ring, ['hash']);
    const bytes = Buffer.from('first');
    writer.write(bytes);
    bytes.fill(0);
    writer.endStream();
    expect(writer.digest()).toBe(hash('sha256', 'first', 'hex'));
    await done;
  });

  it('ends a hasher that waits, with ABORTED', async () => {
    const ring = createRing();
    const done = hashed(ring, ['sha256']);
    new RingWriter(ring, ['hash']).write(Buffer.from('never finished'));
    setTimeout(() => stopRing(ring), 50);
    await expect(done).rejects.toMatchObject({ code: 'ABORTED' });
  });
});

describe('a ring', () => {
  it('gives each reader all streams, in order', () => {
    const ring = createRing();
    const writer = new RingWriter(ring, ['hash', 'apply']);
    for (const text of ['one', '', 'three']) {
      writer.write(Buffer.from(text));
      writer.endStream();
    }
    for (const name of ['hash', 'apply'] as const) {
      const reader = new RingReader(ring, name);
      const streams = [1, 2, 3].map(() => {
        let text = '';
        reader.readStream((bytes) => {
          text += Buffer.from(bytes).toString();
        });
        reader.endStream();
        return text;
      });
      expect(streams).toEqual(['one', '', 'three']);
    }
  });

  it('lets who waits for a proof go on only once there is one', () => {
    const ring = createRing();
    proveRing(ring);
    expect(() => new RingReader(ring, 'apply').waitForProof()).not.toThrow();
    const unproven = createRing();
    stopRing(unproven);
    expect(() => new RingReader(unproven, 'apply').waitForProof()).toThrow(aborted);
  });

  it('ends a writer whose reader is gone', () => {
    const ring = createRing();
    stopRing(ring);
    const writer = new RingWriter(ring, ['hash']);
    expect(() => writer.write(Buffer.alloc(LARGE))).toThrow(aborted);
  });

  it('does not wait for readers that there are not', () => {
    const ring = createRing();
    expect(() => new RingWriter(ring, []).write(Buffer.alloc(LARGE))).not.toThrow();
  });
});
