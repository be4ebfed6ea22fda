// Gives out the tokens of the test registry, at its own endpoint or as a service on another port.
import { randomBytes } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { type ListenOptions, listen } from './registry-listen.ts';

export interface TokenRules {
  /** Absent: everybody gets tokens. */
  readonly username?: string;
  readonly password?: string;
  /** What POST gives tokens for besides user name and password. */
  readonly identityToken?: string;
  /** With every token comes a new identity token, and the old one is worth nothing any more. */
  readonly rotates?: boolean;
  /** Status by which GET (POST) is refused, whatever comes with it; absent: it is served. */
  readonly get?: number;
  readonly post?: number;
  /** Of several scopes only the first is granted. */
  readonly firstScopeOnly?: boolean;
  /** `expires_in` of the reply, seconds; absent: not stated. */
  readonly expiresIn?: number;
  /** After how many requests a token is refused; absent: never. */
  readonly tokenUses?: number;
  /** Builds the token reply; absent: `{"token": …}`. */
  readonly reply?: (token: string) => unknown;
}

export interface TokenIssuer {
  answer(request: IncomingMessage): Promise<{ readonly status: number; readonly body: string }>;
  /** Is the token good for this scope, once more? */
  use(token: string, scope: string): 'good' | 'insufficient' | 'unknown';
  /** Makes every token given out so far worthless. */
  expire(): void;
}

export function createTokenIssuer(rules: TokenRules): TokenIssuer {
  const tokens = new Map<string, { scopes: readonly string[]; uses: number }>();
  let identityToken = rules.identityToken;

  function issue(asked: readonly string[]): Record<string, unknown> {
    const value = newSecret('secret');
    const scopes = rules.firstScopeOnly ? asked.slice(0, 1) : asked;
    tokens.set(value, { scopes, uses: rules.tokenUses ?? Number.POSITIVE_INFINITY });
    if (rules.rotates) identityToken = newSecret('identity');
    return {
      token: value,
      ...(rules.expiresIn !== undefined && { expires_in: rules.expiresIn }),
      ...(rules.rotates && { refresh_token: identityToken }),
    };
  }

  function isWelcome(header: string | undefined): boolean {
    if (rules.username === undefined && identityToken === undefined) return true;
    const pairs = [`${rules.username}:${rules.password}`, `:${identityToken}`];
    return pairs.some((pair) => header === `Basic ${Buffer.from(pair).toString('base64')}`);
  }

  function isGranted(form: URLSearchParams): boolean {
    if (form.get('grant_type') === 'refresh_token')
      return identityToken !== undefined && form.get('refresh_token') === identityToken;
    return (
      form.get('grant_type') === 'password' &&
      form.get('username') === rules.username &&
      form.get('password') === rules.password
    );
  }

  function reply(isAllowed: boolean, scopes: readonly string[]) {
    if (!isAllowed) return { status: 401, body: errorBody('UNAUTHORIZED', 'who are you') };
    const issued = issue(scopes);
    return { status: 200, body: JSON.stringify(rules.reply?.(String(issued.token)) ?? issued) };
  }

  return {
    async answer(request) {
      const refusal = request.method === 'POST' ? rules.post : rules.get;
      const body = await readText(request);
      if (refusal !== undefined) return { status: refusal, body: errorBody('UNSUPPORTED', 'not this way') };
      if (request.method === 'POST') {
        const form = new URLSearchParams(body);
        return reply(isGranted(form), (form.get('scope') ?? '').split(' '));
      }
      const { searchParams } = new URL(request.url ?? '', 'http://service');
      return reply(isWelcome(request.headers.authorization), searchParams.getAll('scope'));
    },
    use(token, scope) {
      const known = tokens.get(token);
      if (!known || known.uses-- <= 0) return 'unknown';
      return scope.split(' ').every((one) => known.scopes.includes(one)) ? 'good' : 'insufficient';
    },
    expire: () => tokens.clear(),
  };
}

export interface TokenRequest {
  readonly method: string;
  /** With the query. */
  readonly path: string;
  readonly authorization: string | undefined;
  readonly body: string;
}

export interface TokenServer extends AsyncDisposable {
  readonly issuer: TokenIssuer;
  readonly realm: string;
  /** A realm that redirects to `target`, with the rest of its query. */
  moved(target: string, status?: number): string;
  readonly requests: TokenRequest[];
}

export async function startTokenServer(rules: TokenRules, options: ListenOptions = {}): Promise<TokenServer> {
  const issuer = createTokenIssuer(rules);
  const requests: TokenRequest[] = [];
  const server = await listen(options, async (request, response) => {
    const { method = '', url: path = '', headers } = request;
    const url = new URL(path, 'http://server');
    const reply = url.pathname === '/moved' ? undefined : await issuer.answer(request);
    requests.push({ method, path, authorization: headers.authorization, body: await readText(request) });
    if (reply) response.writeHead(reply.status, { 'content-type': 'application/json' }).end(reply.body);
    else
      response
        .writeHead(Number(url.searchParams.get('status')), { location: targetOf(url), 'content-length': 0 })
        .end();
  });
  const origin = `${options.tls ? 'https' : 'http'}://${server.host}`;
  return {
    issuer,
    realm: `${origin}/token`,
    moved: (target, status = 307) => `${origin}/moved?status=${status}&to=${encodeURIComponent(target)}`,
    requests,
    [Symbol.asyncDispose]: server.close,
  };
}

function targetOf({ searchParams }: URL): string {
  const target = new URL(searchParams.get('to') ?? '');
  for (const [name, value] of searchParams)
    if (name !== 'to' && name !== 'status') target.searchParams.append(name, value);
  return target.href;
}

export function errorBody(code: string, message: string): string {
  return JSON.stringify({ errors: [{ code, message }] });
}

function newSecret(kind: string): string {
  return `${kind}-${randomBytes(12).toString('hex')}`;
}

/** May be called several times for one request. */
const texts = new WeakMap<IncomingMessage, Promise<string>>();

function readText(request: IncomingMessage): Promise<string> {
  const text =
    texts.get(request) ?? Array.fromAsync(request).then((parts) => Buffer.concat(parts).toString());
  texts.set(request, text);
  return text;
}
