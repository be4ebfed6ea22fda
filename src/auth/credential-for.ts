// Registry host → credential, from a list of keychains. No network, no files yet: others join the list here.
import { PullError } from '../errors.ts';
import type { Credential } from './credential.ts';

/** What a door was given. Empty strings count as absent. */
export interface CredentialInputs {
  readonly username?: string | undefined;
  readonly password?: string | undefined;
  /** The job's token: good for ghcr.io alone. */
  readonly githubToken?: string | undefined;
  readonly githubActor?: string | undefined;
}

/** Knows credentials for some registries; undefined: none for this one. */
export type Keychain = (registry: string) => Credential | undefined;

/** ghcr.io takes any user name beside a token. */
const ANY_USERNAME = 'oci-pull-action';

/**
 * The credential for a registry as a Reference names it (`docker.io`, `ghcr.io`, `host:port`).
 * Username and password win over the GitHub token. Throws INPUT_INVALID where only half of a pair is given.
 */
export function credentialFor(registry: string, inputs: CredentialInputs): Credential | undefined {
  return firstCredential([inputKeychain(inputs), githubKeychain(inputs)], registry);
}

function firstCredential(keychains: readonly Keychain[], registry: string): Credential | undefined {
  for (const keychain of keychains) {
    const credential = keychain(registry);
    if (credential) return credential;
  }
  return undefined;
}

function inputKeychain({ username, password }: CredentialInputs): Keychain {
  if (!username && !password) return () => undefined;
  if (!username) throw new PullError('INPUT_INVALID', 'password is given without username');
  if (!password) throw new PullError('INPUT_INVALID', 'username is given without password');
  if (username.includes(':')) throw new PullError('INPUT_INVALID', 'username must not hold a colon');
  return () => ({ username, password });
}

/** The registry is compared whole: a token must not go to a host that merely ends or begins like GitHub's. */
function githubKeychain({ githubToken, githubActor }: CredentialInputs): Keychain {
  return (registry) =>
    githubToken && registry.toLowerCase() === 'ghcr.io'
      ? { username: githubActor || ANY_USERNAME, password: githubToken }
      : undefined;
}
