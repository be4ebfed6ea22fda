// What doors are given to log in with: user name and password, and GitHub's token.
import { PullError } from '../errors.ts';
import type { PasswordCredential } from './credential.ts';

/** Empty strings count as absent. */
export interface Login {
  readonly username?: string | undefined;
  readonly password?: string | undefined;
}

/** ghcr.io takes any user name beside a token. */
const ANY_USERNAME = 'oci-pull-action';

/** Throws INPUT_INVALID where only half of a pair is given. */
export function checkLogin({ username, password }: Login): void {
  if (password && !username) throw new PullError('INPUT_INVALID', 'password is given without username');
  if (username && !password) throw new PullError('INPUT_INVALID', 'username is given without password');
  if (username?.includes(':')) throw new PullError('INPUT_INVALID', 'username must not hold a colon');
}

/** A credential for one registry, to be tried only where nothing else serves and it refuses an anonymous pull. */
export interface FallbackCredential {
  /** Compared whole: a token must not go to a host that merely ends or begins like this one. */
  readonly registry: string;
  readonly credential: PasswordCredential;
}

/** undefined: no token. */
export function githubFallback(token: string, actor: string | undefined): FallbackCredential | undefined {
  if (token === '') return undefined;
  const username = actor || ANY_USERNAME;
  return {
    registry: 'ghcr.io',
    credential: { kind: 'password', username, password: token, source: '`github-token`' },
  };
}
