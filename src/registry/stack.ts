// The layers under the client of one repository at one host. From the wire upwards: transport, headers of the host, plain
// http fallback, authorisation, redirects.
import type { Credential } from '../auth/credential.ts';
import type { RegistryHost } from '../hosts/registry-host.ts';
import { discard } from '../http/exchange.ts';
import { createOriginGate, type OriginGate } from '../http/origin-gate.ts';
import type { Environment } from '../http/proxy.ts';
import { createSecrets, type OnSecret, type Secrets } from '../http/secrets.ts';
import type { Tell } from '../http/tell.ts';
import { openTransport, type Timeouts, type Transport } from '../http/transport.ts';
import { Authoriser } from './authoriser.ts';
import { parseChallenges } from './challenge.ts';
import { createEndpoint, type Endpoint } from './endpoint.ts';
import { exceptOwnHost, withForeignTokens } from './foreign-tokens.ts';
import { withHostHeaders } from './host-headers.ts';
import { withPlainHttpFallback } from './plain-http.ts';
import { createFollow, type Follow } from './redirect.ts';
import { createScrubber, type Scrubber } from './scrubber.ts';
import { withServerWarnings } from './server-warnings.ts';
import { createTokenFetcher } from './token-fetcher.ts';

export interface StackOptions {
  readonly host: RegistryHost;
  /** Looked up when the registry first insists on one, and once; absent: anonymous. */
  readonly credential?: (() => Promise<Credential | undefined>) | undefined;
  /** At most so many bodies at a time from one origin. */
  readonly connections: number;
  /** Ends everything this client does. */
  readonly signal: AbortSignal;
  readonly onSecret?: OnSecret | undefined;
  /** Where proxies are named. Default: this process's. */
  readonly env?: Environment | undefined;
  readonly timeouts: Timeouts;
  /** Told of every request, of what is tried again, and of what the registry warns of. */
  readonly tell?: Tell | undefined;
}

export interface Stack {
  /** For messages: `registry/repository`. */
  readonly name: string;
  readonly endpoint: Endpoint;
  readonly gate: OriginGate;
  readonly transport: Transport;
  readonly follow: Follow;
  readonly secrets: Secrets;
  readonly scrubber: Scrubber;
  /** Lets no secret through. */
  readonly tell: Tell;
}

export function openStack(options: StackOptions): Stack {
  const { host, signal, connections, timeouts } = options;
  const name = `${host.registry}/${host.repository}`;
  const secrets = createSecrets(options.onSecret);
  const endpoint = createEndpoint(host);
  const gate = createOriginGate();
  const env = options.env ?? process.env;
  const wire = { host: new URL(endpoint.origin).host, tls: host.tls };
  const scrubber = createScrubber(secrets, name);
  const tell: Tell = ({ kind, message }) => options.tell?.({ kind, message: scrubber.text(message) });
  const debug = (message: string) => tell({ kind: 'debug', message });
  const transport = openTransport({ ...wire, env, connections, timeouts, gate, secrets, debug });
  const own = withHostHeaders(transport.send, { endpoint, given: host.headers, secrets });
  const direct = withServerWarnings(withPlainHttpFallback(own, endpoint), host.registry, tell);
  const fetchToken = createTokenFetcher({ name, endpoint, send: own, secrets, signal });
  const authoriser = new Authoriser({
    credential: options.credential ?? (() => Promise.resolve(undefined)),
    scope: `repository:${host.repository}:pull`,
    secrets,
    fetchToken,
    ping: async () => {
      const answer = await direct({ url: endpoint.api(''), headers: {}, signal, what: `API of ${name}` });
      discard(answer);
      return parseChallenges(answer.headers['www-authenticate']);
    },
  });
  const api = authoriser.authorised(direct);
  // As a stranger: what the registry knows its friends by (headers, a client certificate) must not buy tokens for others.
  const asStranger = exceptOwnHost(transport.send, endpoint);
  const fetchForeignToken = createTokenFetcher({ name, endpoint, send: asStranger, secrets, signal });
  const plain = withForeignTokens(transport.send, fetchForeignToken);
  return {
    name,
    endpoint,
    gate,
    transport,
    secrets,
    scrubber,
    tell,
    follow: createFollow({ endpoint, api, plain, secrets }),
  };
}
