// A lock between processes: a directory that only one of them can make. For work that takes milliseconds.
import { mkdir, rmdir, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

const RETRY_MS = 50;

export interface LockLimits {
  /** A lock older than this was left by a process that died. */
  readonly staleMs: number;
  /** How long to wait for it. */
  readonly timeoutMs: number;
}

const DEFAULT_LIMITS: LockLimits = { staleMs: 10_000, timeoutMs: 20_000 };

/** Runs `work` while holding the lock. Throws an Error when the lock cannot be had in time. */
export async function exclusively<T>(
  lock: string,
  work: () => Promise<T>,
  limits: LockLimits = DEFAULT_LIMITS,
): Promise<T> {
  await mkdir(dirname(lock), { recursive: true });
  const giveUp = Date.now() + limits.timeoutMs;
  while (!(await tryMake(lock))) {
    if (Date.now() > giveUp)
      throw new Error(`${lock} is held by another process; remove it if there is none`);
    await breakStale(lock, limits.staleMs);
    await sleep(RETRY_MS);
  }
  try {
    return await work();
  } finally {
    await rmdir(lock).catch(() => undefined);
  }
}

/**
 * Removes a stale lock. Only the holder of a second lock may, and looks again once it holds it: otherwise a slow process could
 * remove the fresh lock of the one that broke the stale one just before.
 */
async function breakStale(lock: string, staleMs: number): Promise<void> {
  if (!(await isOlder(lock, staleMs))) return;
  const breaker = `${lock}.breaker`;
  if (!(await tryMake(breaker))) {
    if (await isOlder(breaker, staleMs)) await rmdir(breaker).catch(() => undefined);
    return;
  }
  try {
    if (await isOlder(lock, staleMs)) await rmdir(lock).catch(() => undefined);
  } finally {
    await rmdir(breaker).catch(() => undefined);
  }
}

async function tryMake(directory: string): Promise<boolean> {
  try {
    await mkdir(directory);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}

async function isOlder(path: string, milliseconds: number): Promise<boolean> {
  const found = await stat(path).catch(() => undefined);
  return found !== undefined && Date.now() - found.mtimeMs > milliseconds;
}
