import { isFeatureAvailable } from '@actions/cache';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { isCacheServiceAvailable } from '../../src/cache/direct/environment.ts';

afterEach(() => {
  vi.unstubAllEnvs();
});

const URLS = ['', 'https://cache.test/'];
const SERVERS = [
  '',
  'https://github.com',
  'https://GitHub.com',
  'https://acme.ghe.com',
  'https://git.example',
  'http://my.localhost',
  'http://localhost:3000',
];
const CASES = SERVERS.flatMap((server) =>
  ['', 'true', 'false'].flatMap((version2) =>
    URLS.flatMap((results) =>
      URLS.map((cache) => ({
        GITHUB_SERVER_URL: server,
        ACTIONS_CACHE_SERVICE_V2: version2,
        ACTIONS_RESULTS_URL: results,
        ACTIONS_CACHE_URL: cache,
      })),
    ),
  ),
);

describe('whether there is a cache service', () => {
  it('is what @actions/cache says of the same environment', () => {
    const answers = CASES.map((env) => {
      for (const [name, value] of Object.entries(env)) vi.stubEnv(name, value);
      const answer = isCacheServiceAvailable(env);
      expect(answer, JSON.stringify(env)).toBe(isFeatureAvailable());
      return answer;
    });
    expect(new Set(answers)).toEqual(new Set([true, false]));
  });
});
