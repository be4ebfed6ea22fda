import { describe, expect, it } from 'vitest';
import { credentialFor } from '../../src/auth/credential-for.ts';

const TOKEN = { githubToken: 'ghs_token', githubActor: 'octocat' };

describe('credentialFor', () => {
  it('gives username and password to whatever registry is pulled from', () => {
    const inputs = { username: 'me', password: 'pass', ...TOKEN };
    expect(credentialFor('registry.example.com:5000', inputs)).toEqual({ username: 'me', password: 'pass' });
    expect(credentialFor('ghcr.io', inputs)).toEqual({ username: 'me', password: 'pass' });
  });

  it('gives the GitHub token to ghcr.io', () => {
    expect(credentialFor('ghcr.io', TOKEN)).toEqual({ username: 'octocat', password: 'ghs_token' });
    expect(credentialFor('GHCR.io', { githubToken: 't' })).toEqual({
      username: 'oci-pull-action',
      password: 't',
    });
  });

  it.each(['docker.io', 'ghcr.io.example.com', 'evil-ghcr.io', 'x.ghcr.io', 'ghcr.io:443', 'github.com', ''])(
    'keeps the GitHub token from %s',
    (registry) => {
      expect(credentialFor(registry, TOKEN)).toBeUndefined();
    },
  );

  it('takes empty inputs for absent ones', () => {
    const inputs = { username: '', password: '', githubToken: '' };
    expect(credentialFor('ghcr.io', inputs)).toBeUndefined();
  });

  it.each([[{ username: 'me' }], [{ password: 'pass' }], [{ username: 'a:b', password: 'pass' }]])(
    'refuses half of a pair or a colon in the user name: %j',
    (inputs) => {
      expect(() => credentialFor('ghcr.io', inputs)).toThrow(
        expect.objectContaining({ code: 'INPUT_INVALID' }),
      );
    },
  );
});
