// A transport, the gate of its origins, and a real server in one go.
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { HttpRequest } from '../../src/http/exchange.ts';
import { createOriginGate, type OriginGate } from '../../src/http/origin-gate.ts';
import { createSecrets } from '../../src/http/secrets.ts';
import { openTransport, type Transport } from '../../src/http/transport.ts';
import { VERIFIED } from '../support/registry-client.ts';

export interface Served extends AsyncDisposable {
  readonly origin: string;
  readonly transport: Transport;
  readonly gate: OriginGate;
  request(changes?: Partial<HttpRequest>): HttpRequest;
}

export async function serve(answer: RequestListener): Promise<Served> {
  const server = createServer(answer);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  const gate = createOriginGate();
  const transport = openTransport({
    host,
    tls: VERIFIED,
    env: {},
    connections: 8,
    timeouts: { connect: 2000, headers: 2000, body: 2000 },
    gate,
    secrets: createSecrets(() => undefined),
  });
  return {
    origin: `http://${host}`,
    transport,
    gate,
    request: (changes = {}) => ({
      url: new URL(`http://${host}/`),
      headers: {},
      signal: new AbortController().signal,
      what: 'something',
      ...changes,
    }),
    [Symbol.asyncDispose]: async () => {
      await transport.close();
      server.closeAllConnections();
      server.close();
    },
  };
}
