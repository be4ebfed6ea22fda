// Small bodies that drip: no silence in them is long enough to be noticed.
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect, it } from 'vitest';
import { openRegistryClient } from '../../src/registry/client.ts';
import { fixtureImage } from '../support/fixture-image.ts';
import { clientOptionsFor, rejection } from '../support/registry-client.ts';

const image = fixtureImage();
const V1 = { target: 'v1', expected: undefined };
/** The body's deadline is twice its longest silence. */
const TIMEOUTS = { connect: 2000, headers: 2000, body: 500 };
const DEADLINE = 1000;

function drip(response: ServerResponse): void {
  const timer = setInterval(() => response.write(' '), 100);
  response.on('close', () => clearInterval(timer));
}

async function startDripping(answer: (path: string, response: ServerResponse, origin: string) => void) {
  const server = createServer(({ url = '' }, response) => answer(url, response, origin()));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const origin = () => `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const client = openRegistryClient({
    ...clientOptionsFor(new URL(origin()).host),
    timeouts: TIMEOUTS,
    patience: 'brief',
    connections: 1,
  });
  const close = async () => {
    await client.close();
    server.closeAllConnections();
    server.close();
  };
  return { client, [Symbol.asyncDispose]: close };
}

describe('a body that drips', () => {
  it('is given up in time: a manifest', async () => {
    await using all = await startDripping((_path, response) => drip(response.writeHead(200)));
    const error = await rejection(all.client.manifest(V1));
    expect(error).toMatchObject({ code: 'REGISTRY_UNAVAILABLE', retry: 'soon' });
    expect(error.message).toContain('the body did not end within 1 s');
    expect((error as { took?: number }).took).toBeGreaterThanOrEqual(DEADLINE - 50);
  });

  it('is given up in time: a token', async () => {
    await using all = await startDripping((path, response, origin) => {
      if (path.startsWith('/token')) return drip(response.writeHead(200));
      response.writeHead(401, { 'www-authenticate': `Bearer realm="${origin}/token"` }).end();
    });
    expect(await rejection(all.client.manifest(V1))).toMatchObject({ code: 'REGISTRY_UNAVAILABLE' });
  });

  it('does not keep the refusal from being one', async () => {
    await using all = await startDripping((_path, response) => drip(response.writeHead(404)));
    expect(await rejection(all.client.manifest(V1))).toMatchObject({ code: 'NOT_FOUND', status: 404 });
  });

  it('of a redirect does not hold the place of a blob', async () => {
    const content = image.bytes(image.layer);
    await using all = await startDripping((path, response) => {
      if (path === '/blob') return void response.writeHead(200).end(content);
      drip(response.writeHead(307, { location: '/blob' }));
    });
    const range = { start: 0, end: image.layer.size };
    const never = new AbortController().signal;
    const { chunks } = await all.client.blob(image.layer, range, never);
    expect(Buffer.concat(await Array.fromAsync(chunks)).equals(content)).toBe(true);
  });
});
