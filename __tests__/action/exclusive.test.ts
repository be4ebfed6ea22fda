import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, rm, utimes } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { exclusively } from '../../src/action/exclusive.ts';

let root: string;
let lock: string;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'lock-'));
  lock = join(root, 'deep', 'lock');
});
afterEach(() => rm(root, { recursive: true, force: true }));

async function abandon(path: string): Promise<void> {
  await mkdir(path, { recursive: true });
  const longAgo = new Date(Date.now() - 60_000);
  await utimes(path, longAgo, longAgo);
}

describe('an exclusive lock', () => {
  it('lets one at a time do the work', async () => {
    let inside = 0;
    let most = 0;
    const work = async () => {
      inside += 1;
      most = Math.max(most, inside);
      await sleep(5);
      inside -= 1;
    };
    await Promise.all(Array.from({ length: 6 }, () => exclusively(lock, work)));
    expect(most).toBe(1);
    expect(existsSync(lock)).toBe(false);
  });

  it('is given back when the work fails', async () => {
    await expect(exclusively(lock, () => Promise.reject(new Error('no')))).rejects.toThrow('no');
    expect(await exclusively(lock, async () => 'yes')).toBe('yes');
  });

  it('is taken over from a process that died', async () => {
    await abandon(lock);
    expect(await exclusively(lock, async () => 'yes')).toBe('yes');
  });

  it('is taken over by one of many at a time', async () => {
    await abandon(lock);
    let inside = 0;
    const work = async () => {
      inside += 1;
      expect(inside).toBe(1);
      await sleep(5);
      inside -= 1;
    };
    await Promise.all(Array.from({ length: 6 }, () => exclusively(lock, work)));
    expect(inside).toBe(0);
  });

  it('is taken over even from a process that died while it took over', async () => {
    await abandon(lock);
    await abandon(`${lock}.breaker`);
    expect(await exclusively(lock, async () => 'yes')).toBe('yes');
    expect(existsSync(`${lock}.breaker`)).toBe(false);
  });

  it('is not waited for without end', async () => {
    await mkdir(lock, { recursive: true });
    const limits = { staleMs: 10_000, timeoutMs: 100 };
    await expect(exclusively(lock, async () => 'yes', limits)).rejects.toThrow(lock);
    expect(existsSync(lock)).toBe(true);
  });
});
