import { describe, expect, it } from 'vitest';
import { CacheFault } from '../../src/cache/direct/fault.ts';
import { withRetries } from '../../src/cache/direct/retry.ts';

const { signal } = new AbortController();
const patience = { grants: () => true };

async function attemptsUntil(fault: Error): Promise<number> {
  let attempts = 0;
  const attempt = async () => {
    attempts++;
    throw fault;
  };
  await expect(withRetries({ patience, signal, scale: 0 }, attempt)).rejects.toBe(fault);
  return attempts;
}

describe('a request to the cache service is made', () => {
  it.each<[string, number, Error]>([
    ['five times where it fails', 5, new CacheFault('network', '503', { isTransient: true })],
    [
      'three times where nobody can be reached',
      3,
      new CacheFault('network', 'ECONNREFUSED', { isTransient: true, isUnreachable: true }),
    ],
    ['once where it is refused', 1, new CacheFault('denied', '403')],
    ['once where the fault is not of the service', 1, new Error('ENOSPC')],
  ])('%s', async (_, attempts, fault) => {
    expect(await attemptsUntil(fault)).toBe(attempts);
  });

  it('once where the patience is used up', async () => {
    let attempts = 0;
    const fault = new CacheFault('network', '503', { isTransient: true });
    const attempt = async () => {
      attempts++;
      throw fault;
    };
    const none = { grants: () => false };
    await expect(withRetries({ patience: none, signal, scale: 1 }, attempt)).rejects.toBe(fault);
    expect(attempts).toBe(1);
  });
});
