// How the test registry guards its repositories: not at all, with Basic, or with Bearer tokens from its own token endpoint or
// from a service on another port.
import type { IncomingMessage } from 'node:http';
import { createTokenIssuer, errorBody, type TokenIssuer, type TokenRules } from './token-issuer.ts';

export { errorBody };

export interface BearerAuth extends TokenRules {
  readonly kind: 'bearer';
  /** The header(s) of a 401; absent: the usual Bearer challenge. */
  readonly challenge?: (standard: string) => string | string[] | undefined;
  /** Realm of the challenge; absent: this registry's own token endpoint. */
  readonly realm?: string;
  /** Whose tokens are taken; absent: those of this registry's own token endpoint. */
  readonly issuer?: TokenIssuer;
  /** Grants fewer rights than asked until the caller asks for this scope. */
  readonly neededScope?: string;
  /** The same for blobs alone. */
  readonly neededBlobScope?: string;
  /** A token that nobody has to ask for. */
  readonly registryToken?: string;
  /** The answer to a token it does not know. Default: 401 */
  readonly staleStatus?: number;
}

export type RegistryAuth =
  | { readonly kind: 'none' }
  | { readonly kind: 'basic'; readonly username: string; readonly password: string }
  | BearerAuth;

export interface Refusal {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[]>>;
}

export interface Guard {
  /** undefined: the request may pass. */
  refuse(request: IncomingMessage, origin: string, repository: string): Refusal | undefined;
  /** Answers the token endpoint. */
  token(request: IncomingMessage): Promise<{ readonly status: number; readonly body: string }>;
  /** Makes every token given out so far worthless. */
  expireTokens(): void;
}

export function createGuard(auth: RegistryAuth): Guard {
  return auth.kind === 'bearer' ? createTokenGuard(auth) : createSimpleGuard(auth);
}

function createTokenGuard(auth: BearerAuth): Guard {
  const issuer = auth.issuer ?? createTokenIssuer(auth);

  function refuse(request: IncomingMessage, origin: string, repository: string): Refusal | undefined {
    const scope = neededScope(auth, request, repository);
    const token = request.headers.authorization?.replace(/^Bearer /, '');
    const verdict = token === undefined ? 'absent' : issuer.use(token, scope);
    const { registryToken, realm = `${origin}/token`, challenge, staleStatus } = auth;
    if (verdict === 'good' || (registryToken !== undefined && token === registryToken)) return undefined;
    const standard =
      `Bearer realm="${realm}",service="test registry",scope="${scope}"` +
      (verdict === 'insufficient' ? ',error="insufficient_scope"' : '');
    const header = challenge ? challenge(standard) : standard;
    return {
      status: verdict === 'unknown' ? (staleStatus ?? 401) : 401,
      headers: header === undefined ? {} : { 'www-authenticate': header },
    };
  }

  return { refuse, token: issuer.answer, expireTokens: issuer.expire };
}

function createSimpleGuard(auth: Exclude<RegistryAuth, BearerAuth>): Guard {
  return {
    refuse(request) {
      if (auth.kind === 'none') return undefined;
      const expected = Buffer.from(`${auth.username}:${auth.password}`).toString('base64');
      if (request.headers.authorization === `Basic ${expected}`) return undefined;
      return { status: 401, headers: { 'www-authenticate': 'Basic realm="test registry"' } };
    },
    token: async () => ({ status: 404, body: '' }),
    expireTokens: () => undefined,
  };
}

function neededScope(auth: BearerAuth, request: IncomingMessage, repository: string): string {
  const ofBlobs = request.url?.includes('/blobs/') ? auth.neededBlobScope : undefined;
  return ofBlobs ?? auth.neededScope ?? `repository:${repository}:pull`;
}
