import { describe, expect, it } from 'vitest';
import { openRegistryClient } from '../../src/registry/client.ts';
import { makeCertificate } from '../support/certificates.ts';
import { fixtureImage } from '../support/fixture-image.ts';
import { startProxy } from '../support/proxy.ts';
import { startRegistry } from '../support/registry.ts';
import {
  clientOptionsFor,
  collect,
  REPOSITORY,
  rejection,
  UNVERIFIED,
  VERIFIED,
} from '../support/registry-client.ts';

const V1 = { target: 'v1', expected: undefined };
const image = fixtureImage();
const images = [{ repository: REPOSITORY, layout: image.layout }];
const authority = makeCertificate({ name: 'Test Authority' });

/** A name that only the proxy knows: what arrives at the registry went through it. */
const NAME = 'registry.test';
const port = (host: string) => host.split(':')[1];

describe('a client behind a proxy', () => {
  const certificate = makeCertificate({ name: NAME, names: `DNS:${NAME}`, by: authority });
  const tls = { ...VERIFIED, authorities: [authority.cert] };

  function openClient(host: string, env: Record<string, string>, changes = {}) {
    const secrets: string[] = [];
    const options = clientOptionsFor(`${NAME}:${port(host)}`, { tls, ...changes });
    const client = openRegistryClient({ ...options, env, onSecret: (one) => secrets.push(one) });
    return { client, secrets, [Symbol.asyncDispose]: () => client.close() };
  }

  async function readSome(client: ReturnType<typeof openRegistryClient>) {
    expect((await client.manifest(V1)).digest).toBe(image.digest);
    const { chunks } = await client.blob(
      image.layer,
      { start: 5, end: 90_000 },
      new AbortController().signal,
    );
    expect((await collect(chunks)).equals(image.bytes(image.layer).subarray(5, 90_000))).toBe(true);
  }

  it('tunnels https by CONNECT, and checks the certificate of the registry', async () => {
    await using proxy = await startProxy();
    await using registry = await startRegistry({ images, tls: certificate });
    await using good = openClient(registry.host, { https_proxy: `http://${proxy.host}` });
    await readSome(good.client);
    expect(new Set(proxy.asked)).toEqual(new Set([`CONNECT ${NAME}:${port(registry.host)}`]));
    await using wary = openClient(registry.host, { https_proxy: `http://${proxy.host}` }, { tls: VERIFIED });
    const error = await rejection(wary.client.manifest(V1));
    expect(error).toMatchObject({ code: 'TLS_FAILED' });
    expect(error.message).toContain(`through the proxy http://${proxy.host} (https_proxy)`);
  });

  it('has plain http forwarded', async () => {
    await using proxy = await startProxy();
    await using registry = await startRegistry({ images });
    const env = { http_proxy: proxy.host, HTTPS_PROXY: 'http://127.0.0.1:1' };
    await using one = openClient(registry.host, env, { scheme: 'http', tls: UNVERIFIED });
    // The name is known to nobody: the proxy is told the address instead.
    await using direct = openRegistryClientAt(registry.host.replace('127.0.0.1', '0.0.0.0'), env);
    await readSome(direct.client);
    expect(proxy.asked[0]).toMatch(/^GET http:\/\/0\.0\.0\.0:\d+\/v2\//);
    expect(one.client.requests).toBe(0);
  });

  function openRegistryClientAt(host: string, env: Record<string, string>) {
    const client = openRegistryClient({
      ...clientOptionsFor(host, { scheme: 'http', tls: UNVERIFIED }),
      env,
    });
    return { client, [Symbol.asyncDispose]: () => client.close() };
  }

  it.each([[undefined], ['me:secret-word-of-length']])('tunnels through SOCKS5 (%s)', async (credential) => {
    await using proxy = await startProxy({ socks: true, ...(credential ? { credential } : {}) });
    await using registry = await startRegistry({ images, tls: certificate });
    const env = { all_proxy: `socks5h://${credential ? `${credential}@` : ''}${proxy.host}` };
    await using one = openClient(registry.host, env);
    await readSome(one.client);
    expect(new Set(proxy.asked)).toEqual(new Set([`SOCKS ${NAME}:${port(registry.host)}`]));
  });

  it('checks the certificate of the proxy, though that of the registry is not to be checked', async () => {
    const secure = { tls: makeCertificate({ name: 'proxy', names: 'IP:127.0.0.1', by: authority }) };
    await using proxy = await startProxy({ ...secure, credential: 'me:password' });
    await using registry = await startRegistry({ images, tls: certificate });
    const env = { https_proxy: `https://me:password@${proxy.host}` };
    await using wary = openClient(registry.host, env, { tls: UNVERIFIED });
    await expect(wary.client.manifest(V1)).rejects.toMatchObject({ code: 'TLS_FAILED' });
    expect(proxy.credentials).toEqual([]);
    await using good = openClient(registry.host, env, {
      tls: { ...UNVERIFIED, authorities: [authority.cert] },
    });
    await readSome(good.client);
  });

  it('gives its password to the proxy alone, and has it masked', async () => {
    const credential = 'me:a-really-long-password';
    await using proxy = await startProxy({ credential });
    await using registry = await startRegistry({ images, tls: certificate, blobs: 'redirect' });
    await using one = openClient(registry.host, { https_proxy: `http://${credential}@${proxy.host}` });
    await one.client.manifest(V1);
    expect(new Set(proxy.credentials)).toEqual(
      new Set([`Basic ${Buffer.from(credential).toString('base64')}`]),
    );
    expect(one.secrets).toContain('a-really-long-password');
    for (const { headers } of registry.requests)
      expect(JSON.stringify(headers)).not.toMatch(/proxy-authorization|a-really-long-password/);
  });

  it.each([
    [{ credential: 'me:right' }, 'http://me:hunter22@', 407, 1],
    [{ status: 403 }, 'http://', 403, 1],
  ])('names a proxy that refuses, and asks once: %j', async (options, prefix, status, requests) => {
    await using proxy = await startProxy(options);
    await using one = openClient('x:443', { https_proxy: `${prefix}${proxy.host}` });
    const error = await rejection(one.client.manifest(V1));
    expect(error).toMatchObject({ code: 'REGISTRY_UNAVAILABLE' });
    expect(error.message).toContain(`http://${proxy.host} (https_proxy)`);
    expect(error.message).toContain(String(status));
    expect(error.message).not.toContain('hunter22');
    expect(one.client.requests).toBe(requests);
  });

  it('gives up soon on a proxy that is not there', async () => {
    await using one = openClient('x:443', { https_proxy: 'http://127.0.0.1:1' });
    const error = await rejection(one.client.manifest(V1));
    expect(error.message).toContain('through the proxy http://127.0.0.1:1 (https_proxy)');
    expect(one.client.requests).toBe(3);
  });

  it.each([
    ['http', {}],
    ['socks5', { socks: true }],
  ])('does not wait long for a proxy that takes connections and says nothing (%s)', async (scheme, kind) => {
    await using proxy = await startProxy({ ...kind, silent: true });
    const env = { https_proxy: `${scheme}://${proxy.host}` };
    const timeouts = { connect: 300, headers: 20_000, body: 20_000 };
    const client = openRegistryClient({ ...clientOptionsFor('x:443'), env, timeouts });
    const started = performance.now();
    const error = await rejection(client.manifest(V1));
    await client.close();
    expect(performance.now() - started).toBeLessThan(6000);
    expect(error).toMatchObject({ code: 'REGISTRY_UNAVAILABLE' });
    expect(error.message).toContain(`through the proxy ${scheme}://${proxy.host} (https_proxy)`);
    expect(client.requests).toBe(3);
  });

  it.each([
    ['http', {}],
    ['socks5', { socks: true }],
  ])('stops at once while a proxy says nothing (%s)', async (scheme, kind) => {
    await using proxy = await startProxy({ ...kind, silent: true });
    const stop = new AbortController();
    const env = { https_proxy: `${scheme}://${proxy.host}` };
    const timeouts = { connect: 20_000, headers: 20_000, body: 20_000 };
    const options = { ...clientOptionsFor('x:443'), env, timeouts, signal: stop.signal };
    const client = openRegistryClient(options);
    const asking = rejection(client.manifest(V1));
    setTimeout(() => stop.abort(), 200);
    const started = performance.now();
    expect(await asking).toMatchObject({ code: 'ABORTED' });
    await client.close();
    expect(performance.now() - started).toBeLessThan(1000);
  });

  it('uses none where no_proxy says so, nor for this machine itself', async () => {
    await using proxy = await startProxy();
    await using registry = await startRegistry({ images });
    const env = { http_proxy: `http://${proxy.host}`, no_proxy: '0.0.0.0/8' };
    await using neighbour = openRegistryClientAt(registry.host.replace('127.0.0.1', '0.0.0.0'), env);
    await readSome(neighbour.client);
    await using self = openRegistryClientAt(registry.host, { http_proxy: `http://${proxy.host}` });
    await readSome(self.client);
    expect(proxy.asked).toEqual([]);
  });
});
