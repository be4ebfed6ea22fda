import { describe, expect, it } from 'vitest';
import { parseQuota } from '../../src/registry/quota.ts';

describe('parseQuota', () => {
  it.each([
    ['98;w=21600', '100;w=21600', { remaining: 98, limit: 100, windowSeconds: 21_600 }],
    [' 0 ; w=60 ', '10', { remaining: 0, limit: 10, windowSeconds: 60 }],
    ['5', '10;w=60;burst=3', { remaining: 5, limit: 10, windowSeconds: 60 }],
    ['5', '10', { remaining: 5, limit: 10, windowSeconds: undefined }],
  ])('reads %s of %s', (remaining, limit, expected) => {
    expect(parseQuota({ headers: { 'ratelimit-remaining': remaining, 'ratelimit-limit': limit } })).toEqual(
      expected,
    );
  });

  it.each([
    ['', '100'],
    ['-1', '100'],
    ['many', '100'],
    ['5', '9'.repeat(20)],
  ])('finds no sense in %s of %s', (remaining, limit) => {
    expect(
      parseQuota({ headers: { 'ratelimit-remaining': remaining, 'ratelimit-limit': limit } }),
    ).toBeUndefined();
    expect(parseQuota({ headers: { 'ratelimit-remaining': '5' } })).toBeUndefined();
  });
});
