/** What a registry host is given to prove who asks. `source`: where it was found, for messages (`the input password`, a file). */
export type Credential = PasswordCredential | IdentityToken | RegistryToken;

export interface PasswordCredential {
  readonly kind: 'password';
  readonly username: string;
  readonly password: string;
  readonly source: string;
}

/** An OAuth2 refresh token: exchanged for access tokens. Docker's config calls it `identitytoken`. */
export interface IdentityToken {
  readonly kind: 'identity-token';
  readonly token: string;
  readonly source: string;
}

/** An access token, sent as it is. Docker's config calls it `registrytoken`. */
export interface RegistryToken {
  readonly kind: 'registry-token';
  readonly token: string;
  readonly source: string;
}

/** Knows credentials for some registries; undefined: none for this one. `registry` as in a Reference. */
export type Keychain = (registry: string, repository: string) => Promise<Credential | undefined>;
