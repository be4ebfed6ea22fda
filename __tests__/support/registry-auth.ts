// How the test registry guards its repositories: not at all, with Basic, or with Bearer tokens from its own token endpoint.
import { randomBytes } from 'node:crypto';
import type { IncomingMessage } from 'node:http';

export type RegistryAuth =
  | { readonly kind: 'none' }
  | { readonly kind: 'basic'; readonly username: string; readonly password: string }
  | {
      readonly kind: 'bearer';
      /** Absent: the token endpoint serves anonymous callers. */
      readonly username?: string;
      readonly password?: string;
      /** `expires_in` of the reply, seconds; absent: not stated. */
      readonly expiresIn?: number;
      /** After how many requests a token is refused; absent: never. */
      readonly tokenUses?: number;
      /** The header(s) of a 401; absent: the usual Bearer challenge. */
      readonly challenge?: (standard: string) => string | string[] | undefined;
      /** Realm of the challenge; absent: this registry's own token endpoint. */
      readonly realm?: string;
      /** Grants fewer rights than asked until the caller asks for this scope. */
      readonly neededScope?: string;
      /** Builds the token reply; absent: `{"token": …}`. */
      readonly reply?: (token: string) => unknown;
    };

export interface Guard {
  /** undefined: the request may pass; otherwise the headers of a 401. */
  refuse(
    request: IncomingMessage,
    origin: string,
    repository: string,
  ): Record<string, string | string[]> | undefined;
  /** Answers the token endpoint. */
  token(request: IncomingMessage, url: URL): { readonly status: number; readonly body: string };
  /** Makes every token given out so far worthless. */
  expireTokens(): void;
}

export function createGuard(auth: RegistryAuth): Guard {
  const tokens = new Map<string, { scope: string; uses: number }>();

  function refuse(request: IncomingMessage, origin: string, repository: string) {
    if (auth.kind === 'none') return undefined;
    if (auth.kind === 'basic')
      return isBasic(request, auth) ? undefined : { 'www-authenticate': 'Basic realm="test registry"' };
    const scope = auth.neededScope ?? `repository:${repository}:pull`;
    const token = tokens.get(request.headers.authorization?.replace(/^Bearer /, '') ?? '');
    if (token && token.uses-- > 0 && token.scope === scope) return undefined;
    const standard =
      `Bearer realm="${auth.realm ?? `${origin}/token`}",service="test registry",scope="${scope}"` +
      (token && token.scope !== scope ? ',error="insufficient_scope"' : '');
    const challenge = auth.challenge ? auth.challenge(standard) : standard;
    return challenge === undefined ? {} : { 'www-authenticate': challenge };
  }

  function token(request: IncomingMessage, url: URL) {
    if (auth.kind !== 'bearer') return { status: 404, body: '' };
    const wanted = auth.username === undefined ? undefined : auth;
    if (wanted && !isBasic(request, wanted))
      return { status: 401, body: errorBody('UNAUTHORIZED', 'who are you') };
    const value = `secret-${randomBytes(12).toString('hex')}`;
    tokens.set(value, {
      scope: url.searchParams.get('scope') ?? '',
      uses: auth.tokenUses ?? Number.POSITIVE_INFINITY,
    });
    const expiry = auth.expiresIn === undefined ? {} : { expires_in: auth.expiresIn };
    return { status: 200, body: JSON.stringify(auth.reply?.(value) ?? { token: value, ...expiry }) };
  }

  return { refuse, token, expireTokens: () => tokens.clear() };
}

export function errorBody(code: string, message: string): string {
  return JSON.stringify({ errors: [{ code, message }] });
}

function isBasic(request: IncomingMessage, auth: { username?: string; password?: string }): boolean {
  const expected = Buffer.from(`${auth.username}:${auth.password}`).toString('base64');
  return request.headers.authorization === `Basic ${expected}`;
}
