// The two ways to ask a token server: GET with Basic, as every one of them knows it, and a form by POST (OAuth2).
import type { Credential } from '../auth/credential.ts';
import type { HttpAnswer, HttpRequest, Send } from '../http/exchange.ts';
import type { Secrets } from '../http/secrets.ts';
import type { Endpoint } from './endpoint.ts';
import { createFollow } from './redirect.ts';
import { basicAuthorization, type Grant } from './token.ts';

/** A credential that can be exchanged, as the two methods send it. */
export interface Exchangeable {
  readonly source: string;
  readonly basic: { readonly username: string; readonly password: string };
  readonly grant: Grant;
}

export type Question = Omit<HttpRequest, 'headers'>;

export interface TokenRequests {
  /** The credential stays behind where a redirect leads to another origin. */
  get(question: Question, given: Exchangeable | undefined): Promise<HttpAnswer>;
  /** Follows no redirect. `form` holds the secret. */
  post(question: Question, form: string, given: Exchangeable): Promise<HttpAnswer>;
}

export interface TokenRequestOptions {
  readonly endpoint: Endpoint;
  readonly send: Send;
  readonly secrets: Secrets;
}

/** undefined: nothing is exchanged for it. `renewed`: by the identity token that was found, the one that has replaced it. */
export function exchangeable(
  credential: Credential | undefined,
  renewed: ReadonlyMap<string, string>,
): Exchangeable | undefined {
  if (!credential || credential.kind === 'registry-token') return undefined;
  const { source } = credential;
  if (credential.kind === 'password') {
    const { username, password } = credential;
    return { source, basic: credential, grant: { grant_type: 'password', username, password } };
  }
  const token = renewed.get(credential.token) ?? credential.token;
  // No user name, as containerd does it: the token says who it is for.
  const basic = { username: '', password: token };
  return { source, basic, grant: { grant_type: 'refresh_token', refresh_token: token } };
}

export function createTokenRequests({ endpoint, send, secrets }: TokenRequestOptions): TokenRequests {
  function withBasic({ basic, source }: Exchangeable): Send {
    const authorization = basicAuthorization(basic);
    secrets.hide(authorization.slice('Basic '.length));
    return async (request) => {
      const answer = await send({ ...request, headers: { ...request.headers, authorization } });
      return { ...answer, credentialSource: source };
    };
  }

  return {
    async get({ url, ...question }, given) {
      const api = given ? withBasic(given) : send;
      const follow = createFollow({ endpoint, secrets, plain: send, api });
      return (await follow({ ...question, headers: {} }, { url, authorised: true })).answer;
    },
    async post(question, form, { source }) {
      const headers = { 'content-type': 'application/x-www-form-urlencoded' };
      const answer = await send({ ...question, method: 'POST', headers, body: form });
      return { ...answer, credentialSource: source };
    },
  };
}
