import { expect, it } from 'vitest';
import { defaultCacheDirectory } from '../../src/cli/cache-directory.ts';

it.each([
  ['linux', '/home/me', {}, '/home/me/.cache/oci-pull'],
  ['linux', '/home/me', { XDG_CACHE_HOME: '/big/cache' }, '/big/cache/oci-pull'],
  ['linux', '/home/me', { XDG_CACHE_HOME: '' }, '/home/me/.cache/oci-pull'],
  ['linux', '/home/me', { XDG_CACHE_HOME: 'cache' }, '/home/me/.cache/oci-pull'],
  ['darwin', '/Users/me', { XDG_CACHE_HOME: '/x' }, '/Users/me/Library/Caches/oci-pull'],
  ['win32', 'C:\\Users\\me', { LOCALAPPDATA: 'D:\\Local' }, 'D:\\Local\\oci-pull'],
  ['win32', 'C:\\Users\\me', {}, 'C:\\Users\\me\\AppData\\Local\\oci-pull'],
] as const)('on %s with home %s and %j the cache is %s', (platform, home, env, expected) => {
  expect(defaultCacheDirectory({ platform, home, env })).toBe(expected);
});
