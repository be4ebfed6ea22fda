import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { describe, expect, it } from 'vitest';
import { killHelpers } from '../../src/elevate/helpers.ts';
import { invokingUser } from '../../src/elevate/invoking-user.ts';
import { whyNoSudo } from '../../src/elevate/sudo.ts';
import { isRoot } from '../support/tree.ts';

it.each(['darwin', 'win32', 'freebsd'] as const)('sudo is not asked on %s', (platform) => {
  expect(whyNoSudo(platform)).toContain('Linux');
});

describe('the user on whose behalf root works', () => {
  it.each([
    {},
    { SUDO_UID: '' },
    { SUDO_UID: '0' },
    { SUDO_UID: '-1' },
    { SUDO_UID: '1e3' },
    { SUDO_UID: 'me' },
  ])('is nobody with %j', (env) => {
    expect(invokingUser(env)).toBeUndefined();
  });

  it('is the one who called sudo, and nobody where this is not root', () => {
    expect(invokingUser({ SUDO_UID: '1000' })).toBe(isRoot() ? 1000 : undefined);
  });
});

it.skipIf(process.platform !== 'linux')('programs that were started are ended', async () => {
  const child = spawn('sleep', ['60']);
  await once(child, 'spawn');
  const ended = once(child, 'exit');
  killHelpers();
  expect(await ended).toEqual([null, 'SIGKILL']);
});
