// Hosts that the registry redirects to and that ask for a token themselves get an anonymous one: never the registry's own
// Authorization, never the user's credential. As go-containerregistry does: https://github.com/google/go-containerregistry/issues/2359
import { Readable } from 'node:stream';
import { PullError } from '../errors.ts';
import { type HttpAnswer, type HttpRequest, readBody, type Send } from '../http/exchange.ts';
import { type Challenge, parseChallenges } from './challenge.ts';
import type { Endpoint } from './endpoint.ts';
import type { FetchToken, Token } from './token.ts';

/** Of a refusal that may be handed on: what readRefusal would read of it. */
const MAX_REFUSAL_BYTES = 64 * 1024;

/** A Send for other origins than the registry's. Where no token is to be had the refusal is the answer. */
export function withForeignTokens(send: Send, fetchToken: FetchToken): Send {
  /** By origin: one exchange for all requests at once. */
  const tokens = new Map<string, Promise<Token | undefined>>();

  return async (request) => {
    const { origin } = request.url;
    const known = tokens.get(origin);
    const answer = await sendWith(send, request, await valid(known));
    if (answer.status !== 401) return answer;
    const challenge = parseChallenges(answer.headers['www-authenticate']).find(isExchangeable);
    if (!challenge) return answer;
    const refusal = await detach(answer);
    // Else somebody has asked meanwhile.
    if (tokens.get(origin) === known) tokens.set(origin, exchange(challenge));
    const token = await valid(tokens.get(origin));
    return token ? sendWith(send, request, token) : refusal;
  };

  /** undefined where none is to be had: that the storage refused is the failure to tell of. */
  function exchange(challenge: Challenge): Promise<Token | undefined> {
    const scope = challenge.parameters.get('scope') ?? '';
    return fetchToken(challenge, scope, undefined).catch(() => undefined);
  }
}

/** A Send that throws RESPONSE_INVALID for the registry itself, in whichever scheme: also where a token server redirects there. */
export function exceptOwnHost(send: Send, endpoint: Endpoint): Send {
  return async (request) => {
    if (request.url.host !== new URL(endpoint.origin).host) return send(request);
    const fact = 'leads back to the registry for a token';
    throw new PullError('RESPONSE_INVALID', `${request.what}: another host ${fact}`);
  };
}

/** Without a scope a token would be good for nothing, and for more than pulling nobody asks on behalf of others. */
function isExchangeable({ scheme, parameters }: Challenge): boolean {
  const scopes = (parameters.get('scope') ?? '').split(/\s+/).filter(Boolean);
  const isPull = scopes.length > 0 && scopes.every((one) => one.endsWith(':pull'));
  return scheme === 'bearer' && Boolean(parameters.get('realm')) && isPull;
}

async function valid(pending: Promise<Token | undefined> | undefined): Promise<Token | undefined> {
  const token = await pending;
  return token && Date.now() < token.refreshAt ? token : undefined;
}

function sendWith(send: Send, request: HttpRequest, token: Token | undefined): Promise<HttpAnswer> {
  if (!token) return send(request);
  return send({ ...request, headers: { ...request.headers, authorization: `Bearer ${token.value}` } });
}

/** The same answer, its body read off the connection: it may be the only one, and the exchange needs it. */
async function detach(answer: HttpAnswer): Promise<HttpAnswer> {
  const bytes = await readBody(answer, MAX_REFUSAL_BYTES).then(
    (body) => body.bytes,
    () => new Uint8Array(),
  );
  return { ...answer, body: Readable.from([bytes], { objectMode: false }) };
}
