import { describe, expect, it } from 'vitest';
import * as keys from '../../src/cache/keys.ts';

const digest = `sha256:${'0123456789abcdef'.repeat(4)}`;
const image = {
  repository: 'docker.io/library/alpine',
  manifestDigest: digest,
  platform: 'linux/arm64/v8',
};
const packKey = 'ab'.repeat(20);

describe('cache keys', () => {
  it('names the head of an image by platform, repository, manifest and day', () => {
    expect(keys.headKey('oci-pull-v1', image, '20260102')).toBe(
      'oci-pull-v1-head-linux-arm64-v8-0fb9fb8fe2d79ea4-0123456789abcdef0123456789abcdef-20260102',
    );
  });

  it('names a pack by its content and the day', () => {
    expect(keys.packEntryKey('p', packKey, '20260102')).toBe(`p-pack-${packKey}-20260102`);
  });

  it('looks up with a trailing dash, from the exact image to its repository', () => {
    const exact = keys.exactHeadPrefix('p', image);
    const repository = keys.repositoryHeadPrefix('p', image);
    expect(exact.startsWith(repository)).toBe(true);
    expect([exact, repository, keys.packPrefix('p', packKey)].every((prefix) => prefix.endsWith('-'))).toBe(
      true,
    );
    expect(keys.headKey('p', image, '20260102').startsWith(exact)).toBe(true);
  });

  it('looks up any image of the platform last, and only on request', () => {
    const own = [keys.exactHeadPrefix('p', image), keys.repositoryHeadPrefix('p', image)];
    expect(keys.headPrefixes('p', image, 'image')).toEqual(own);
    expect(keys.headPrefixes('p', image, 'repository')).toEqual([...own, 'p-head-linux-arm64-v8-']);
  });

  it('gives repositories and platforms their own heads', () => {
    const other = { ...image, repository: 'docker.io/library/debian' };
    const amd64 = { ...image, platform: 'linux/amd64' };
    const all = [image, other, amd64].map((each) => keys.repositoryHeadPrefix('p', each));
    expect(new Set(all).size).toBe(3);
  });

  it.each([
    ['the exact head', keys.headKey('p', image, '20260102'), 'exact'],
    [
      'another head of the repository',
      keys.headKey('p', { ...image, manifestDigest: `sha256:${'f'.repeat(64)}` }, '20260102'),
      'base',
    ],
    ['a head of another repository', keys.headKey('p', { ...image, repository: 'x/y' }, '20260102'), 'other'],
    [
      'a head for another platform',
      keys.headKey('p', { ...image, platform: 'linux/arm' }, '20260102'),
      undefined,
    ],
    ['a head under a longer prefix', keys.headKey('p-head', image, '20260102'), undefined],
    ['a key without a day', keys.exactHeadPrefix('p', image), undefined],
    ['a key with more after the day', `${keys.headKey('p', image, '20260102')}-1`, undefined],
    ['a pack', keys.packEntryKey('p', packKey, '20260102'), undefined],
  ])('recognises %s', (_, key, match) => {
    expect(keys.matchHeadKey(key, 'p', image)?.match).toBe(match);
  });

  it.each([
    ['its own entry of any day', keys.packEntryKey('p', packKey, '20251231'), true],
    ['another pack', keys.packEntryKey('p', 'cd'.repeat(20), '20251231'), false],
    ['an entry of another prefix', keys.packEntryKey('q', packKey, '20251231'), false],
    ['a bare prefix', keys.packPrefix('p', packKey), false],
  ])('checks the returned key of a pack: %s', (_, key, expected) => {
    expect(keys.matchesPackKey(key, 'p', packKey)).toBe(expected);
  });

  it.each([
    ['oci-pull-v1', true],
    ['a', true],
    ['team.x_1', true],
    ['a'.repeat(100), true],
    ['a'.repeat(101), false],
    ['', false],
    ['Upper', false],
    ['with,comma', false],
    ['-dash', false],
    ['dash-', false],
    ['a b', false],
    ['a\n', false],
  ])('judges the prefix %j', (prefix, valid) => {
    expect(keys.isCacheKeyPrefix(prefix)).toBe(valid);
  });

  it('takes the day in UTC', () => {
    expect(keys.cacheDay(new Date('2026-03-04T23:59:59-05:00'))).toBe('20260305');
  });

  it('stays under the 512 characters of the service and free of commas', () => {
    const long = keys.headKey('p'.repeat(100), { ...image, repository: 'r'.repeat(1000) }, '20260102');
    expect(long.length).toBeLessThan(300);
    expect(long).toMatch(/^[a-z0-9._-]+$/);
  });
});
