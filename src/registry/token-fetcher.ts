// Exchanges a challenge (and the credential, if there is one) for a token at the server the registry names.
import type { Credential } from '../auth/credential.ts';
import type { Challenge } from './challenge.ts';
import type { Endpoint } from './endpoint.ts';
import { type HttpAnswer, type HttpRequest, readBody, type Send } from './http.ts';
import { networkError } from './network-error.ts';
import { createFollow } from './redirect.ts';
import { errorOfAnswer, RegistryError } from './registry-error.ts';
import type { Secrets } from './secrets.ts';
import { checkTarget } from './target.ts';
import { basicAuthorization, MAX_TOKEN_REPLY_BYTES, parseTokenReply, type Token, tokenUrl } from './token.ts';

export interface TokenFetcherOptions {
  /** For messages: `registry/repository`. */
  readonly name: string;
  readonly endpoint: Endpoint;
  readonly credential: Credential | undefined;
  readonly send: Send;
  readonly secrets: Secrets;
  readonly signal: AbortSignal;
}

/** Throws RESPONSE_INVALID for a realm it will not talk to and for a reply without a token, UNAUTHORIZED when refused. */
export function createTokenFetcher(options: TokenFetcherOptions) {
  const { endpoint, secrets, signal } = options;
  const follow = createFollow({ endpoint, secrets, plain: options.send, api: withCredential(options) });
  const what = `token for ${options.name}`;

  return async (challenge: Challenge, scope: string): Promise<Token> => {
    const url = tokenUrl(challenge, scope);
    checkTarget(url, { endpoint, what: `${what}: the challenge`, allowHttp: endpoint.isHttp });
    const { answer } = await follow({ headers: {}, signal, what }, { url, authorised: true });
    if (answer.status !== 200) throw await errorOfAnswer(answer, secrets);
    const token = parseTokenReply(await readReply(answer), Date.now());
    if (token) return token;
    throw new RegistryError('RESPONSE_INVALID', `${what}: ${answer.request.url.host} sent no usable token`, {
      retry: 'never',
      origin: answer.request.url.origin,
      status: answer.status,
    });
  };
}

function withCredential({ credential, secrets, send }: TokenFetcherOptions): Send {
  if (!credential) return send;
  const authorization = basicAuthorization(credential);
  secrets.hide(authorization.slice('Basic '.length));
  return async (request: HttpRequest): Promise<HttpAnswer> => {
    const answer = await send({ ...request, headers: { ...request.headers, authorization } });
    return { ...answer, credentialSent: true };
  };
}

async function readReply(answer: HttpAnswer): Promise<Uint8Array> {
  try {
    return (await readBody(answer, MAX_TOKEN_REPLY_BYTES)).bytes;
  } catch (error) {
    throw networkError(error, answer.request);
  }
}
