// Bodies of manifests and tokens that fall silent: what they cost, and what is said of them.
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect, it } from 'vitest';
import { HttpError } from '../../src/http/http-error.ts';
import { openRegistryClient } from '../../src/registry/client.ts';
import { fixtureImage } from '../support/fixture-image.ts';
import { startProxy } from '../support/proxy.ts';
import { startRegistry } from '../support/registry.ts';
import {
  clientOptionsFor,
  REPOSITORY,
  rejection,
  startPair,
  UNVERIFIED,
} from '../support/registry-client.ts';

const V1 = { target: 'v1', expected: undefined };
const images = [{ repository: REPOSITORY, layout: fixtureImage().layout }];
const WAITS = { patience: 'brief', timeouts: { connect: 2000, headers: 2000, body: 500 } } as const;
const stalled = { kind: 'stall', bytes: 100 } as const;

/** Answers everything with this status, `headers` and the beginning of a body that never ends. */
async function startHalting(statusOf: (path: string) => number, headers: Record<string, string> = {}) {
  const server = createServer(({ url = '' }, response) => {
    response.writeHead(statusOf(url), { ...headers, 'content-length': 1000 }).write('{');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const close = async () => {
    server.closeAllConnections();
    server.close();
  };
  return { host: `127.0.0.1:${(server.address() as AddressInfo).port}`, [Symbol.asyncDispose]: close };
}

async function failureAt(host: string): Promise<HttpError> {
  const client = openRegistryClient({ ...clientOptionsFor(host), ...WAITS });
  const error = await rejection(client.manifest(V1));
  await client.close();
  expect(error).toBeInstanceOf(HttpError);
  return error as HttpError;
}

describe('a reply that falls silent', () => {
  it('is charged for all the time it took: a manifest', async () => {
    await using pair = await startPair({ faults: [stalled] }, WAITS);
    const error = await rejection(pair.client.manifest(V1));
    expect(error).toMatchObject({ code: 'REGISTRY_UNAVAILABLE', retry: 'soon' });
    expect((error as HttpError).took).toBeGreaterThan(450);
    expect(pair.client.requests).toBe(2);
  });

  it('is charged for all the time it took: a token', async () => {
    await using issuer = await startHalting(() => 200);
    const realm = `http://${issuer.host}/token`;
    await using pair = await startPair({ auth: { kind: 'bearer', realm } }, WAITS);
    const error = await rejection(pair.client.manifest(V1));
    expect(error.message).toContain(`token for ${pair.registry.host}/${REPOSITORY}: ${issuer.host}`);
    expect((error as HttpError).took).toBeGreaterThan(450);
  });

  it('is charged for all the time it took: a refusal', async () => {
    await using server = await startHalting(() => 503);
    const error = await failureAt(server.host);
    expect(error.status).toBe(503);
    expect(error.took).toBeGreaterThan(450);
  });

  it('is not waited for again where another host can be asked', { timeout: 20_000 }, async () => {
    const timeouts = { ...WAITS.timeouts, body: 5100 };
    await using pair = await startPair({ faults: [stalled] }, { ...WAITS, timeouts });
    await expect(pair.client.manifest(V1)).rejects.toMatchObject({ code: 'REGISTRY_UNAVAILABLE' });
    expect(pair.client.requests).toBe(1);
  });

  it('names the proxy it came through', async () => {
    await using proxy = await startProxy();
    await using registry = await startRegistry({ images, faults: [stalled] });
    const host = registry.host.replace('127.0.0.1', '0.0.0.0');
    const options = clientOptionsFor(host, { scheme: 'http', tls: UNVERIFIED });
    const client = openRegistryClient({ ...options, ...WAITS, env: { http_proxy: proxy.host } });
    const error = await rejection(client.manifest(V1));
    await client.close();
    expect(error.message).toContain(`through the proxy http://${proxy.host} (http_proxy)`);
  });
});
