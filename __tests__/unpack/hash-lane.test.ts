import { hash } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { PullJobs } from '../../src/pull/jobs.ts';
import { createHashRing, HashLane, stopHashRing } from '../../src/unpack/hash-lane.ts';
import { WorkerPool } from '../../src/workers/pool.ts';

const script = new URL('../../src/worker.ts', import.meta.url);
let pool: WorkerPool<PullJobs>;

beforeEach(() => {
  pool = new WorkerPool<PullJobs>(script, 1);
});
afterEach(() => pool.close());

function bytesOf(length: number, seed: number): Buffer {
  return Buffer.alloc(length, String(seed));
}

describe('HashLane', () => {
  it.each([0, 1, 255, 262_143, 262_144, 262_145, 5_000_000])(
    'gives the digest of a stream of %i bytes',
    async (length) => {
      const ring = createHashRing();
      const hashed = pool.run('hash', { ring, algorithms: ['sha256'] });
      const lane = new HashLane(ring);
      const bytes = Buffer.alloc(length, 7);
      for (let at = 0; at < length; at += 100_001) lane.update(bytes.subarray(at, at + 100_001));
      expect(lane.digest()).toBe(hash('sha256', bytes, 'hex'));
      await hashed;
    },
  );

  it('hashes one stream after the other, each with its own algorithm', async () => {
    const ring = createHashRing();
    const algorithms = ['sha256', 'sha512', 'sha256'];
    const hashed = pool.run('hash', { ring, algorithms });
    const lane = new HashLane(ring);
    for (const [seed, algorithm] of algorithms.entries()) {
      const bytes = bytesOf(300_000, seed);
      lane.update(bytes);
      expect(lane.digest()).toBe(hash(algorithm, bytes, 'hex'));
    }
    await hashed;
  });

  it('does not mind that the bytes it was given are overwritten afterwards', async () => {
    const ring = createHashRing();
    const hashed = pool.run('hash', { ring, algorithms: ['sha256'] });
    const lane = new HashLane(ring);
    const bytes = Buffer.from('first');
    lane.update(bytes);
    bytes.fill(0);
    expect(lane.digest()).toBe(hash('sha256', 'first', 'hex'));
    await hashed;
  });

  it('ends a hasher that waits, with ABORTED', async () => {
    const ring = createHashRing();
    const hashed = pool.run('hash', { ring, algorithms: ['sha256'] });
    new HashLane(ring).update(Buffer.from('never finished'));
    setTimeout(() => stopHashRing(ring), 50);
    await expect(hashed).rejects.toMatchObject({ code: 'ABORTED' });
  });

  it('ends a producer whose hasher is gone', () => {
    const ring = createHashRing();
    stopHashRing(ring);
    const lane = new HashLane(ring);
    expect(() => lane.update(Buffer.alloc(4_000_000))).toThrow(expect.objectContaining({ code: 'ABORTED' }));
  });
});
