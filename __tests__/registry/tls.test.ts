import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer as createHttpServer } from 'node:http';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, describe, expect, it, vi } from 'vitest';
import { parseReference } from '../../src/oci/reference.ts';
import { openRegistryClient } from '../../src/registry/client.ts';
import { fixtureImage } from '../support/fixture-image.ts';
import { startRegistry } from '../support/registry.ts';
import { clientOptionsFor, collect, REPOSITORY, rejection, startPair } from '../support/registry-client.ts';

const V1 = { target: 'v1', expected: undefined };
const image = fixtureImage();
const directory = mkdtempSync(join(tmpdir(), 'tls-'));
afterAll(() => rmSync(directory, { recursive: true, force: true }));

function selfSigned(): { key: string; cert: string } {
  const [key, cert] = [join(directory, 'key.pem'), join(directory, 'cert.pem')];
  const subject = ['-subj', '/CN=registry.test', '-days', '2', '-nodes'];
  const kind = ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256'];
  execFileSync('openssl', [...kind, ...subject, '-keyout', key, '-out', cert], { stdio: 'ignore' });
  return { key: readFileSync(key, 'utf8'), cert: readFileSync(cert, 'utf8') };
}

/** An address of this machine that does not count as loopback, so that https is the rule. */
const NAME = '0.0.0.0';

function openClient(host: string, tlsVerify: boolean) {
  const reference = parseReference(`${host.replace('127.0.0.1', NAME)}/${REPOSITORY}:v1`);
  return openRegistryClient({ ...clientOptionsFor(host), reference, tlsVerify });
}

const images = [{ repository: REPOSITORY, layout: image.layout }];

describe('a registry with a certificate nobody vouches for', () => {
  it('is refused, with advice', async () => {
    await using registry = await startRegistry({ images, tls: selfSigned() });
    const client = openClient(registry.host, true);
    const error = await rejection(client.manifest(V1));
    await client.close();
    expect(error).toMatchObject({
      code: 'REGISTRY_UNAVAILABLE',
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
    const reference = parseReference(`${registry.host}/${REPOSITORY}:v1`);
    const credential = { username: 'me', password: 'password' };
    const options = { ...clientOptionsFor(registry.host), reference, credential, tlsVerify: false };
    const client = openRegistryClient(options);
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

describe('a proxy named in the environment', () => {
  afterEach(() => vi.unstubAllEnvs());

  async function startProxy() {
    const targets: string[] = [];
    const proxy = createHttpServer();
    proxy.on('connect', (request, socket: Socket) => {
      targets.push(String(request.url));
      const [, port] = String(request.url).split(':');
      const upstream = connect(Number(port), '127.0.0.1', () => {
        socket.write('HTTP/1.1 200 Connection established\r\n\r\n');
        upstream.pipe(socket).on('error', () => upstream.destroy());
        socket.pipe(upstream).on('error', () => socket.destroy());
      });
    });
    await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve));
    const { port } = proxy.address() as AddressInfo;
    return { url: `http://127.0.0.1:${port}`, targets, close: () => proxy.close() };
  }

  it('is used, but not for this machine itself', async () => {
    const proxy = await startProxy();
    vi.stubEnv('https_proxy', proxy.url);
    vi.stubEnv('http_proxy', proxy.url);
    vi.stubEnv('no_proxy', '');
    await using registry = await startRegistry({ images, tls: selfSigned() });
    const client = openClient(registry.host, false);
    expect((await client.manifest(V1)).digest).toBe(image.digest);
    await client.close();
    expect(proxy.targets).toEqual([registry.host.replace('127.0.0.1', NAME)]);
    await using pair = await startPair();
    await pair.client.manifest(V1);
    expect(proxy.targets).toHaveLength(1);
    proxy.close();
  });
});
