import { describe, expect, it } from 'vitest';
import { describeLowQuota } from '../../src/pull/quota-note.ts';

describe('describeLowQuota', () => {
  it.each([
    [{ remaining: 10, limit: 100, windowSeconds: 21_600 }, '10 more pulls of 100 in 6 hours'],
    [{ remaining: 1, limit: 100, windowSeconds: 150 }, '1 more pull of 100 in 2 min 30 s'],
    [{ remaining: 0, limit: 200, windowSeconds: undefined }, '0 more pulls of 200'],
  ])('warns of %j', (quota, amount) => {
    const text = describeLowQuota(quota, 'docker.io/library/alpine');
    expect(text).toBe(`docker.io allows ${amount}; sign in, or use a mirror, for more`);
  });

  it('says nothing while there is enough', () => {
    const quota = { remaining: 11, limit: 100, windowSeconds: 21_600 };
    expect(describeLowQuota(quota, 'docker.io/library/alpine')).toBeUndefined();
  });
});
