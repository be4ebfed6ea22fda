// A token server for docker-registry's `auth: token`: checks a password, signs what was asked for, counts what it gave.
// https://distribution.github.io/distribution/spec/auth/jwt/
import { randomUUID, sign, X509Certificate } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import type { Authority, Issued } from './certificates.ts';
import { listen } from './registry-listen.ts';

export interface TokenServiceOptions {
  /** Signs the certificate of the tokens' key. */
  readonly authority: Authority;
  /** Absent: whoever asks gets a token. */
  readonly login?: { readonly username: string; readonly password: string };
  /** Seconds for which the registry accepts a token; absent: five minutes. */
  readonly lifetime?: number;
  /** `expires_in` of the reply, seconds; absent: not stated. */
  readonly stated?: number;
  /** Signs with this in place of a key of the authority. */
  readonly signer?: Issued;
}

export interface TokenService extends AsyncDisposable {
  /** What docker-registry needs to trust it: the section `auth`. */
  readonly settings: { readonly token: Readonly<Record<string, string>> };
  /** Scopes of the tokens it gave out, in order. */
  readonly given: string[];
  readonly refused: number;
}

const SERVICE = 'registry of the tests';
const ISSUER = 'token service of the tests';
/** docker-registry 2.8 takes tokens a minute longer than they are good for. */
const LEEWAY = 60;

export async function startTokenService(options: TokenServiceOptions): Promise<TokenService> {
  const issued = options.signer ?? options.authority.issue('DNS:token-service.test');
  const given: string[] = [];
  const counts = { refused: 0 };
  const server = await listen({}, (request, response) => {
    const scope = new URL(request.url ?? '', 'http://service').searchParams.get('scope') ?? '';
    const isKnown = !options.login || isLogin(request, options.login);
    if (isKnown) given.push(scope);
    else counts.refused++;
    const expiry = options.stated === undefined ? {} : { expires_in: options.stated };
    const body = isKnown ? { token: signToken(scope, issued, options), ...expiry } : { errors: [] };
    response.writeHead(isKnown ? 200 : 401, { 'content-type': 'application/json' });
    response.end(JSON.stringify(body));
  });
  const realm = `http://${server.host}/token`;
  const token = { realm, service: SERVICE, issuer: ISSUER, rootcertbundle: options.authority.path };
  return {
    settings: { token },
    given,
    get refused() {
      return counts.refused;
    },
    [Symbol.asyncDispose]: server.close,
  };
}

function isLogin(request: IncomingMessage, login: { username: string; password: string }): boolean {
  const expected = Buffer.from(`${login.username}:${login.password}`).toString('base64');
  return request.headers.authorization === `Basic ${expected}`;
}

function signToken(scope: string, { key, cert }: Issued, { lifetime = 300 }: TokenServiceOptions): string {
  const now = Date.now() / 1000;
  const exp = Math.floor(now + lifetime - LEEWAY);
  const times = { exp, nbf: exp - 600, iat: exp - 600 };
  const [type = '', name = '', actions = ''] = scope.split(':');
  const access = scope ? [{ type, name, actions: actions.split(',') }] : [];
  const header = { typ: 'JWT', alg: 'ES256', x5c: [new X509Certificate(cert).raw.toString('base64')] };
  const claims = { iss: ISSUER, sub: '', aud: SERVICE, jti: randomUUID(), ...times, access };
  const signed = [header, claims]
    .map((part) => Buffer.from(JSON.stringify(part)).toString('base64url'))
    .join('.');
  const signature = sign('sha256', Buffer.from(signed), { key, dsaEncoding: 'ieee-p1363' });
  return `${signed}.${signature.toString('base64url')}`;
}
