// Bearer tokens: the question to a token server and its answer.
// https://distribution.github.io/distribution/spec/auth/token/ and, for POST, https://distribution.github.io/distribution/spec/auth/oauth/
import type { Credential, PasswordCredential, RegistryToken } from '../auth/credential.ts';
import { PullError } from '../errors.ts';
import type { Challenge } from './challenge.ts';

export interface Token {
  readonly value: string;
  /** When to ask for the next one: before the token expires. Milliseconds as of Date.now(). */
  readonly refreshAt: number;
  /** Takes the place of the identity token that was exchanged. */
  readonly refreshToken?: string | undefined;
}

/** `scope`: one or several, with blanks between them. */
export type FetchToken = (
  challenge: Challenge,
  scope: string,
  credential: Credential | undefined,
) => Promise<Token>;

export const MAX_TOKEN_REPLY_BYTES = 1024 * 1024;
/** Also what holds when the reply does not say, by the token specification. */
const MIN_LIFETIME_S = 60;
/** The share of the lifetime a token is used for; the rest is for slow requests and clocks. */
const USED_LIFETIME = 0.8;
const CLIENT_ID = 'oci-pull-action';
/** What can be sent in an Authorization header. */
const SENDABLE = /^[\x21-\x7e]+$/;

/** The token server as the challenge names it. Throws RESPONSE_INVALID if that is no URL. */
export function realmUrl(challenge: Challenge): URL {
  const realm = challenge.parameters.get('realm') ?? '';
  if (URL.canParse(realm)) return new URL(realm);
  throw new PullError(
    'RESPONSE_INVALID',
    'the registry names no valid token server (realm) in its challenge',
  );
}

/** For a GET. Throws RESPONSE_INVALID if the challenge names no usable realm. */
export function tokenUrl(challenge: Challenge, scope: string): URL {
  const url = realmUrl(challenge);
  const service = challenge.parameters.get('service');
  if (service) url.searchParams.set('service', service);
  url.searchParams.delete('scope');
  for (const one of splitScopes(scope)) url.searchParams.append('scope', one);
  url.searchParams.set('client_id', CLIENT_ID);
  return url;
}

export type Grant =
  | { readonly grant_type: 'password'; readonly username: string; readonly password: string }
  | { readonly grant_type: 'refresh_token'; readonly refresh_token: string };

/** For a POST: the body, `application/x-www-form-urlencoded`. It holds the secret. */
export function tokenForm(challenge: Challenge, scope: string, grant: Grant): string {
  const service = challenge.parameters.get('service');
  const form = new URLSearchParams({ ...grant, client_id: CLIENT_ID, scope: splitScopes(scope).join(' ') });
  if (service) form.set('service', service);
  return form.toString();
}

function splitScopes(scope: string): string[] {
  return scope.split(/\s+/).filter((one) => one !== '');
}

export function basicAuthorization({
  username,
  password,
}: Pick<PasswordCredential, 'username' | 'password'>): string {
  return `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`;
}

/** Throws CONFIG_INVALID. */
export function bearerAuthorization({ token, source }: RegistryToken): string {
  if (SENDABLE.test(token)) return `Bearer ${token}`;
  throw new PullError(
    'CONFIG_INVALID',
    `the registry token of ${source} holds characters that cannot be sent`,
  );
}

/** undefined: the reply holds no token that could be sent. */
export function parseTokenReply(bytes: Uint8Array, now: number): Token | undefined {
  let reply: Readonly<Record<string, unknown>> | null;
  try {
    reply = JSON.parse(Buffer.from(bytes).toString());
  } catch {
    return undefined;
  }
  const value = [reply?.token, reply?.access_token].find((one) => typeof one === 'string' && one !== '');
  if (typeof value !== 'string' || !SENDABLE.test(value)) return undefined;
  const { expires_in: expiry, refresh_token: refreshToken } = reply ?? {};
  // Counted from here and now: `issued_at` is by the server's clock.
  const stated = Number(expiry);
  const lifetime = Number.isFinite(stated) ? Math.max(stated, MIN_LIFETIME_S) : MIN_LIFETIME_S;
  return {
    value,
    refreshAt: now + lifetime * USED_LIFETIME * 1000,
    ...(typeof refreshToken === 'string' && SENDABLE.test(refreshToken) && { refreshToken }),
  };
}
