// Bearer tokens: the question to a token server and its answer.
// https://distribution.github.io/distribution/spec/auth/token/
import type { Credential } from '../auth/credential.ts';
import { PullError } from '../errors.ts';
import type { Challenge } from './challenge.ts';

export interface Token {
  readonly value: string;
  /** When to ask for the next one: before the token expires. Milliseconds as of Date.now(). */
  readonly refreshAt: number;
}

export const MAX_TOKEN_REPLY_BYTES = 1024 * 1024;
/** Also what holds when the reply does not say, by the token specification. */
const MIN_LIFETIME_S = 60;
/** The share of the lifetime a token is used for; the rest is for slow requests and clocks. */
const USED_LIFETIME = 0.8;
const CLIENT_ID = 'oci-pull-action';

/** Throws RESPONSE_INVALID if the challenge names no usable realm. */
export function tokenUrl(challenge: Challenge, scope: string): URL {
  const realm = challenge.parameters.get('realm') ?? '';
  if (!URL.canParse(realm))
    throw new PullError(
      'RESPONSE_INVALID',
      'the registry names no valid token server (realm) in its challenge',
    );
  const url = new URL(realm);
  const service = challenge.parameters.get('service');
  if (service) url.searchParams.set('service', service);
  url.searchParams.set('scope', scope);
  url.searchParams.set('client_id', CLIENT_ID);
  return url;
}

export function basicAuthorization({ username, password }: Credential): string {
  return `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`;
}

/** undefined: the reply holds no token that could be sent. */
export function parseTokenReply(bytes: Uint8Array, now: number): Token | undefined {
  let reply: { token?: unknown; access_token?: unknown; expires_in?: unknown } | null;
  try {
    reply = JSON.parse(Buffer.from(bytes).toString());
  } catch {
    return undefined;
  }
  const value = [reply?.token, reply?.access_token].find((one) => typeof one === 'string' && one !== '');
  if (typeof value !== 'string' || !/^[\x21-\x7e]+$/.test(value)) return undefined;
  const stated = Number(reply?.expires_in);
  const lifetime = Number.isFinite(stated) ? Math.max(stated, MIN_LIFETIME_S) : MIN_LIFETIME_S;
  return { value, refreshAt: now + lifetime * USED_LIFETIME * 1000 };
}
