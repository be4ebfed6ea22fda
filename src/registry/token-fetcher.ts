// Exchanges a challenge (and the credential, if there is one) for a token at the server the registry names.
import type { Credential } from '../auth/credential.ts';
import type { HttpAnswer, Send } from '../http/exchange.ts';
import { answerError, type HttpError } from '../http/http-error.ts';
import { receiveBody } from '../http/receive.ts';
import type { Secrets } from '../http/secrets.ts';
import type { Endpoint } from './endpoint.ts';
import { readRefusal } from './refusal.ts';
import { checkTarget } from './target.ts';
import {
  type FetchToken,
  MAX_TOKEN_REPLY_BYTES,
  parseTokenReply,
  realmUrl,
  type Token,
  tokenForm,
  tokenUrl,
} from './token.ts';
import { createTokenRequests, type Exchangeable, exchangeable } from './token-request.ts';

export interface TokenFetcherOptions {
  /** For messages: `registry/repository`. */
  readonly name: string;
  readonly endpoint: Endpoint;
  readonly send: Send;
  readonly secrets: Secrets;
  readonly signal: AbortSignal;
}

type Method = 'GET' | 'POST';

/**
 * By these a server may mean the method, so that the other one is tried. POST: registries without it answer 404 (GCR) and
 * 405, Artifactory 401, ACR 400. The rest are redirects: a form with a secret in it does not follow them.
 */
const METHOD_REFUSALS: Readonly<Record<Method, ReadonlySet<number>>> = {
  GET: new Set([404, 405]),
  POST: new Set([400, 401, 404, 405, 301, 302, 303, 307, 308]),
};

/**
 * Throws RESPONSE_INVALID for a realm it will not talk to and for a reply without a token, UNAUTHORIZED when refused.
 * A registry token is no business of the function: nothing is exchanged for it.
 */
export function createTokenFetcher(options: TokenFetcherOptions): FetchToken {
  const { endpoint, secrets, signal } = options;
  const what = `token for ${options.name}`;
  const requests = createTokenRequests(options);
  /** The method that worked; until then the usual one for the credential comes first. */
  let working: Method | undefined;
  /** A server may take an identity token back and give another one for it. */
  const renewed = new Map<string, string>();

  function keepRefreshToken(credential: Credential | undefined, { refreshToken }: Token): void {
    if (refreshToken === undefined) return;
    secrets.hide(refreshToken);
    if (credential?.kind === 'identity-token') renewed.set(credential.token, refreshToken);
  }

  return async (challenge, scope, credential) => {
    const realm = realmUrl(challenge);
    checkTarget(realm, { endpoint, what: `${what}: the challenge` });
    const given = exchangeable(credential, renewed);
    const get = () => requests.get({ url: tokenUrl(challenge, scope), signal, what }, given);
    if (!given) return readToken(await get(), secrets);
    const form = tokenForm(challenge, scope, given.grant);
    const post = () => requests.post({ url: realm, signal, what }, form, given);
    const refusals: HttpError[] = [];
    for (const method of methodsFor(given, working)) {
      const answer = await (method === 'GET' ? get() : post());
      if (!METHOD_REFUSALS[method].has(answer.status)) {
        const token = await readToken(answer, secrets);
        working = method;
        keepRefreshToken(credential, token);
        return token;
      }
      refusals.push(await readRefusal(answer, secrets));
    }
    throw refusals.find((one) => one.code === 'UNAUTHORIZED') ?? refusals[0];
  };
}

/** An identity token is what POST is for; passwords go by GET, which every token server knows. */
function methodsFor({ grant }: Exchangeable, working: Method | undefined): readonly Method[] {
  const first = working ?? (grant.grant_type === 'refresh_token' ? 'POST' : 'GET');
  return first === 'POST' ? ['POST', 'GET'] : ['GET', 'POST'];
}

async function readToken(answer: HttpAnswer, secrets: Secrets): Promise<Token> {
  if (answer.status !== 200) throw await readRefusal(answer, secrets);
  const { bytes } = await receiveBody(answer, MAX_TOKEN_REPLY_BYTES);
  const token = parseTokenReply(bytes, Date.now());
  if (!token) throw answerError(answer, 'RESPONSE_INVALID', 'sent no usable token');
  secrets.hide(token.value);
  return token;
}
