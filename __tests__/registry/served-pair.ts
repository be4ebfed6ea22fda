// A registry that takes the tokens of a service on another port, and a client for it.
import type { Credential } from '../../src/auth/credential.ts';
import type { BearerAuth } from '../support/registry-auth.ts';
import { type Pair, startPair } from '../support/registry-client.ts';
import { startTokenServer, type TokenRequest, type TokenRules } from '../support/token-issuer.ts';

export const LOGIN = { username: 'reader', password: 'hunter2-hunter2-hunter2' };
export const PASSWORD: Credential = { kind: 'password', ...LOGIN, source: 'a file' };
export const IDENTITY: Extract<Credential, { kind: 'identity-token' }> = {
  kind: 'identity-token',
  token: 'identity-0123456789abcdef',
  source: 'a file',
};
export const BY_IDENTITY = { identityToken: IDENTITY.token };

type Service = Awaited<ReturnType<typeof startTokenServer>>;

export interface ServedPair extends Pair {
  readonly service: Service;
}

export async function startServed(
  rules: TokenRules,
  credential: Credential | undefined,
  auth: (service: Service) => Partial<BearerAuth> = () => ({}),
): Promise<ServedPair> {
  const service = await startTokenServer(rules);
  const bearer = { kind: 'bearer', realm: service.realm, issuer: service.issuer, ...auth(service) } as const;
  const pair = await startPair({ auth: bearer }, { credential });
  return {
    ...pair,
    service,
    [Symbol.asyncDispose]: async () => {
      await pair[Symbol.asyncDispose]();
      await service[Symbol.asyncDispose]();
    },
  };
}

export const methods = (requests: readonly TokenRequest[]) => requests.map((one) => one.method);
export const basic = (username: string, password: string) =>
  `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`;
