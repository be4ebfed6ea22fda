// Follows redirects by hand: the final URL is kept, and no credential leaves the registry's origin.

import { discard, type HttpAnswer, type HttpRequest, headerOf, type Send } from '../http/exchange.ts';
import { answerError, type HttpError } from '../http/http-error.ts';
import type { Secrets } from '../http/secrets.ts';
import type { Endpoint } from './endpoint.ts';
import { checkTarget } from './target.ts';

/** Where something is, and whether the registry's own Authorization belongs there. */
export interface Location {
  readonly url: URL;
  readonly authorised: boolean;
}

export interface Arrival {
  readonly answer: HttpAnswer;
  /** Where the answer came from. */
  readonly location: Location;
}

export type Follow = (request: Omit<HttpRequest, 'url'>, from: Location) => Promise<Arrival>;

export interface FollowOptions {
  readonly endpoint: Endpoint;
  /** For the registry itself, with Authorization. */
  readonly api: Send;
  /** For everyone else. */
  readonly plain: Send;
  readonly secrets: Secrets;
}

const MAX_REDIRECTS = 5;
const REDIRECTS: ReadonlySet<number> = new Set([301, 302, 303, 307, 308]);

/** Throws RESPONSE_INVALID for too many redirects and for targets that checkTarget refuses. */
export function createFollow({ endpoint, api, plain, secrets }: FollowOptions): Follow {
  return async (request, from) => {
    let location = from;
    for (let redirects = 0; ; redirects++) {
      const send = location.authorised ? api : plain;
      const answer = await send({ ...request, url: location.url });
      if (!REDIRECTS.has(answer.status))
        return { answer, location: { url: answer.request.url, authorised: location.authorised } };
      discard(answer);
      if (redirects === MAX_REDIRECTS) throw invalid(answer, `more than ${MAX_REDIRECTS} redirects`);
      location = nextLocation(answer, location);
    }
  };

  function nextLocation(answer: HttpAnswer, from: Location): Location {
    const base = answer.request.url;
    const target = headerOf(answer, 'location') ?? '';
    if (target === '' || !URL.canParse(target, base.href))
      throw invalid(answer, 'a redirect without a valid target');
    const url = new URL(target, base);
    const what = `${answer.request.what}: the redirect`;
    checkTarget(url, { endpoint, what });
    // Once a chain has left the registry nothing on it is trusted with the credential again.
    const authorised = from.authorised && url.origin === base.origin;
    if (!authorised) secrets.announceQuery(url);
    return { url, authorised };
  }
}

function invalid(answer: HttpAnswer, fact: string): HttpError {
  return answerError(answer, 'RESPONSE_INVALID', `answered ${answer.status} with ${fact}`);
}
