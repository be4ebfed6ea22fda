import { writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { nearMisses } from '../../src/auth/advice.ts';
import { parseAuthConfig } from '../../src/auth/auth-config.ts';
import { openLogins } from '../../src/auth/keychain.ts';
import { temporaryDirectories } from '../support/temporary.ts';
import { helperScripts } from './helper-scripts.ts';

const temporary = temporaryDirectories();

function config(...keys: string[]) {
  const auths = Object.fromEntries(keys.map((key) => [key, { auth: 'bWU6aHVudGVyMg==' }]));
  return parseAuthConfig(JSON.stringify({ auths, credHelpers: { 'helped.test:1': 'x' } }), 'FILE', 'config');
}

describe('a login that was not found', () => {
  it.each([
    ['another port', 'reg.test:5000', 'reg.test', true],
    ['a port too many', 'reg.test', 'reg.test:443', true],
    ['a namespace of it', 'reg.test/team', 'reg.test', true],
    ['a domain above it', 'reg.test', 'eu.reg.test', true],
    ['a domain below it', 'eu.reg.test', 'reg.test', true],
    ['a slip of the pen', 'gchr.io', 'ghcr.io', true],
    ['an older way to write Docker Hub', 'https://index.docker.io/v1/', 'docker.io', false],
    ['quite another registry', 'quay.io', 'ghcr.io', false],
    ['a domain that merely ends like it', 'myreg.test', 'reg.test', true],
    ['a name that only has the end in common', 'other-company.test', 'reg.test', false],
  ])('may be kept for %s: %s for %s', (_what, key, registry, isNear) => {
    const expected = isNear ? [`FILE has one for ${key}`] : [];
    expect(nearMisses([config(key)], registry)).toEqual(expected);
  });

  it('is told with the helpers that failed and the keys that come near, without secrets', async () => {
    const helpers = helperScripts(temporary());
    helpers.add('bad', 'echo "no region" >&2; exit 3');
    const auths = { 'reg.test:5000': { auth: 'bWU6aHVudGVyMg==' } };
    const env = {
      PATH: `${helpers.directory}:/usr/bin:/bin`,
      DOCKER_AUTH_CONFIG: JSON.stringify({ auths }),
    };
    const home = temporary();
    const notes: string[] = [];
    const file = `${home}/config.json`;
    writeFileSync(file, JSON.stringify({ credHelpers: { 'reg.test': 'bad' } }));
    const { keychain, advice } = openLogins({
      registry: 'reg.test',
      authFile: file,
      home,
      uid: 4_000_000_000,
      platform: process.platform,
      env,
      note: (message) => notes.push(message),
    });
    expect(await keychain('reg.test', 'app')).toBeUndefined();
    const told = await advice('reg.test');
    expect(told).toBe(
      `docker-credential-bad, named in ${file} for reg.test, ended with 3: "no region". There is no login for reg.test, but the variable DOCKER_AUTH_CONFIG has one for reg.test:5000.`,
    );
    expect(await advice('quay.io')).toBeUndefined();
  });
});
