import { type AddressInfo, createServer } from 'node:net';
import { describe, expect, it } from 'vitest';
import { openRegistryClient } from '../../src/registry/client.ts';
import { makeCertificate } from '../support/certificates.ts';
import { fixtureImage } from '../support/fixture-image.ts';
import { startRegistry } from '../support/registry.ts';
import {
  clientOptionsFor,
  collect,
  lookup,
  REPOSITORY,
  rejection,
  startPair,
  UNVERIFIED,
  VERIFIED,
} from '../support/registry-client.ts';

const V1 = { target: 'v1', expected: undefined };
const image = fixtureImage();
const selfSigned = () => makeCertificate({ name: 'registry.test' });

/** An address of this machine that does not count as loopback, so that https is the rule. */
const NAME = '0.0.0.0';

function openClient(host: string, tlsVerify: boolean) {
  const tls = tlsVerify ? VERIFIED : UNVERIFIED;
  return openRegistryClient(clientOptionsFor(host.replace('127.0.0.1', NAME), { tls }));
}

const images = [{ repository: REPOSITORY, layout: image.layout }];

describe('a registry with a certificate nobody vouches for', () => {
  it('is refused, with advice', async () => {
    await using registry = await startRegistry({ images, tls: selfSigned() });
    const client = openClient(registry.host, true);
    const error = await rejection(client.manifest(V1));
    await client.close();
    expect(error).toMatchObject({
      code: 'TLS_FAILED',
      hint: expect.stringContaining('certificate'),
    });
    expect([client.requests, registry.requests.length]).toEqual([1, 0]);
  });

  it('is taken when tlsVerify is off, redirects included', async () => {
    await using registry = await startRegistry({ images, tls: selfSigned(), blobs: 'redirect' });
    const client = openClient(registry.host, false);
    expect((await client.manifest(V1)).digest).toBe(image.digest);
    const range = { start: 5, end: 50_000 };
    const { chunks } = await client.blob(image.layer, range, new AbortController().signal);
    expect((await collect(chunks)).equals(image.bytes(image.layer).subarray(5, 50_000))).toBe(true);
    await client.close();
  });
});

describe('a registry that speaks plain http', () => {
  it('is refused outside of this machine, with advice', async () => {
    await using registry = await startRegistry({ images });
    const client = openClient(registry.host, true);
    const error = await rejection(client.manifest(V1));
    await client.close();
    expect(error).toMatchObject({
      code: 'REGISTRY_UNAVAILABLE',
      hint: expect.stringContaining('plain http'),
    });
  });

  it('is taken when tlsVerify is off, after one try with TLS', async () => {
    const auth = { kind: 'bearer', username: 'me', password: 'password' } as const;
    await using registry = await startRegistry({ images, auth });
    const credential = lookup({ username: 'me', password: 'password' });
    const client = openRegistryClient({
      ...clientOptionsFor(registry.host, { tls: UNVERIFIED }),
      credential,
    });
    await Promise.all([client.manifest(V1), client.manifest(V1)]);
    const before = client.requests;
    const { chunks } = await client.blob(image.layer, { start: 0, end: 100 }, new AbortController().signal);
    expect(await collect(chunks)).toHaveLength(100);
    await client.blob(image.layer, { start: 0, end: 100 }, new AbortController().signal);
    expect(client.requests - before).toBe(2);
    await client.close();
  });

  it('needs no TLS on this machine', async () => {
    await using pair = await startPair();
    await pair.client.manifest(V1);
    expect(pair.client.requests).toBe(1);
  });

  it('is told from one that closes every connection', async () => {
    const server = createServer((socket) => socket.destroy());
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const client = openClient(`127.0.0.1:${(server.address() as AddressInfo).port}`, false);
    await expect(client.manifest(V1)).rejects.toMatchObject({ code: 'REGISTRY_UNAVAILABLE' });
    await client.close();
    server.close();
  });
});

describe('a registry on this machine', () => {
  const authority = makeCertificate({ name: 'Test Authority' });
  const named = makeCertificate({ name: 'here', names: 'IP:127.0.0.1', by: authority });
  const trusted = { ...VERIFIED, authorities: [authority.cert] };

  it('is asked by TLS on any port where it speaks it, storage included', async () => {
    await using registry = await startRegistry({ images, tls: named, blobs: 'redirect' });
    const client = openRegistryClient(clientOptionsFor(registry.host, { tls: trusted }));
    expect((await client.manifest(V1)).digest).toBe(image.digest);
    const { chunks } = await client.blob(
      image.layer,
      { start: 5, end: 50_000 },
      new AbortController().signal,
    );
    expect(await collect(chunks)).toHaveLength(49_995);
    await client.close();
    expect(client.requests).toBe(registry.requests.length);
  });

  it('is asked in plain http where it does not, and that first try does not count', async () => {
    await using registry = await startRegistry({ images });
    const client = openRegistryClient(clientOptionsFor(registry.host, { tls: trusted }));
    expect((await client.manifest(V1)).digest).toBe(image.digest);
    await client.close();
    expect([client.requests, registry.requests.length]).toEqual([1, 1]);
  });

  it('with a certificate nobody vouches for is refused, and not asked in plain http', async () => {
    await using registry = await startRegistry({ images, tls: named });
    const client = openRegistryClient(clientOptionsFor(registry.host));
    const error = await rejection(client.manifest(V1));
    await client.close();
    expect(error).toMatchObject({ code: 'TLS_FAILED', hint: expect.stringContaining('`ca-file`') });
    expect(registry.requests).toEqual([]);
  });
});
