import { describe, expect, it } from 'vitest';
import { checkLogin, githubFallback } from '../../src/auth/login.ts';

describe('a login', () => {
  it.each([
    [{ username: 'me' }],
    [{ password: 'pass' }],
    [{ username: 'me', password: '' }],
    [{ username: 'a:b', password: 'pass' }],
  ])('is refused when it is half a pair or has a colon in its user name: %j', (login) => {
    expect(() => checkLogin(login)).toThrow(expect.objectContaining({ code: 'INPUT_INVALID' }));
  });

  it.each([[{}], [{ username: '', password: '' }], [{ username: 'me', password: 'a:b' }]])(
    'is taken whole or not at all: %j',
    (login) => {
      expect(() => checkLogin(login)).not.toThrow();
    },
  );
});

describe('the GitHub token', () => {
  it('is for ghcr.io, with any user name', () => {
    const credential = { kind: 'password', password: 't', source: '`github-token`' };
    expect(githubFallback('t', 'octocat')).toEqual({
      registry: 'ghcr.io',
      credential: { ...credential, username: 'octocat' },
    });
    expect(githubFallback('t', '')?.credential.username).toBe('oci-pull-action');
    expect(githubFallback('', 'octocat')).toBeUndefined();
  });
});
