import { once } from 'node:events';
import { mkdirSync, writeFileSync } from 'node:fs';
import { createServer, request as httpRequest } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { PullError } from '../../src/errors.ts';
import { parseImageName } from '../../src/oci/image-name.ts';
import { parseReference } from '../../src/oci/reference.ts';
import { openImage } from '../../src/pull/access.ts';
import type { PullOptions } from '../../src/pull/options.ts';
import { scratch } from '../support/cli.ts';
import { fixtureImage, fixtureLayout } from '../support/fixture-image.ts';
import { type RegistryOptions, startRegistry, type TestRegistry } from '../support/registry.ts';
import { rejection } from '../support/registry-client.ts';

const CREDENTIAL = { username: 'user', password: 'pass' };
const BASIC: NonNullable<RegistryOptions['auth']> = { kind: 'basic', ...CREDENTIAL };
const NOTHING = { storeRead: false, storeWrite: false };

async function start(auth: NonNullable<RegistryOptions['auth']>): Promise<TestRegistry> {
  return startRegistry({ images: [{ repository: 'fx', layout: fixtureLayout('gzip') }], auth });
}

function options(registry: TestRegistry, more: Partial<PullOptions>): PullOptions {
  return {
    image: parseImageName(`${registry.host}/fx:v1`),
    seeds: [],
    restricted: NOTHING,
    platform: { os: 'linux', architecture: 'amd64' },
    destination: '/nowhere',
    ownership: 'auto',
    limits: {},
    network: network(registry, {}),
    storeDirectory: '/nowhere',
    storeRead: true,
    storeWrite: true,
    concurrency: 2,
    emit: () => undefined,
    signal: new AbortController().signal,
    ...more,
  };
}

/** Of a machine that nobody has configured or logged in on. */
function network(registry: TestRegistry, more: Partial<PullOptions['network']>): PullOptions['network'] {
  return {
    hosts: { tlsVerify: true, mirrors: [], env: {}, home: '/nowhere', uid: 0, root: '/nowhere' },
    login: {},
    platform: 'linux',
    fallback: {
      registry: registry.host,
      credential: { kind: 'password', ...CREDENTIAL, source: 'the test' },
    },
    ...more,
  };
}

async function open(registry: TestRegistry, more: Partial<PullOptions> = {}) {
  const access = await openImage(options(registry, more));
  const verdict = await access.judge();
  await access.source.close();
  return { image: access.image, ...verdict };
}

/** In front of a registry: lets through who sends a header. */
async function knowingFriends(host: string): Promise<AsyncDisposable & { readonly host: string }> {
  const server = createServer((request, response) => {
    if (request.headers['x-friend'] !== 's3cr3t') return void response.writeHead(401).end();
    const { method, url = '/', headers } = request;
    const onward = httpRequest(`http://${host}${url}`, { method, headers }, (answer) => {
      response.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(response);
    });
    onward.end();
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    host: `127.0.0.1:${port}`,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      await once(server.close(), 'close');
    },
  };
}

const withoutCredential = (registry: TestRegistry) =>
  registry.requests.every(({ authorization }) => authorization === undefined);

describe('openImage', () => {
  it('keeps the fallback credential to itself where the image is public', async () => {
    await using registry = await start({ kind: 'none' });
    expect(await open(registry)).toMatchObject({
      isRestricted: false,
      caching: { storeRead: true, storeWrite: true },
    });
    expect(withoutCredential(registry)).toBe(true);
  });

  it('uses it where the registry refuses an anonymous pull, with the rules for restricted images', async () => {
    await using registry = await start(BASIC);
    expect(await open(registry)).toMatchObject({ isRestricted: true, caching: NOTHING });
  });

  it('never gives it to another registry, and not to one whose certificate is not checked', async () => {
    await using registry = await start(BASIC);
    const usual = network(registry, {});
    const credential = usual.fallback?.credential;
    for (const changed of [
      { fallback: credential && { registry: 'ghcr.io', credential } },
      { hosts: { ...usual.hosts, tlsVerify: false } },
    ])
      expect(await rejection(open(registry, { network: network(registry, changed) }))).toMatchObject({
        code: 'UNAUTHORIZED',
      });
    expect(withoutCredential(registry)).toBe(true);
  });

  it('fails with UNAUTHORIZED where there is nothing to fall back on', async () => {
    await using registry = await start(BASIC);
    const nothing = network(registry, { fallback: undefined });
    expect(await rejection(open(registry, { network: nothing }))).toMatchObject({ code: 'UNAUTHORIZED' });
  });

  it('does not try the fallback after a failure that has nothing to do with access', async () => {
    await using registry = await start({ kind: 'none' });
    const missing = { platform: { os: 'windows', architecture: 'amd64' } };
    expect(await rejection(open(registry, missing))).toMatchObject({ code: 'PLATFORM_NOT_FOUND' });
    expect(withoutCredential(registry)).toBe(true);
  });

  it('does not try the fallback after a login that was refused', async () => {
    await using registry = await start(BASIC);
    const login = { username: 'user', password: 'another' };
    const refused = rejection(open(registry, { network: network(registry, { login }) }));
    expect(await refused).toMatchObject({ code: 'UNAUTHORIZED' });
  });

  it('takes an image for restricted if a login opens it and nobody gets it without', async () => {
    await using registry = await start(BASIC);
    const login = network(registry, { login: CREDENTIAL });
    expect(await open(registry, { network: login })).toMatchObject({ isRestricted: true, caching: NOTHING });
    expect(await open(registry, { network: login, restricted: undefined })).toMatchObject({
      isRestricted: false,
      caching: { storeRead: true },
    });
  });

  it('counts what it asks to find that out', async () => {
    await using registry = await start(BASIC);
    const access = await openImage(options(registry, { network: network(registry, { login: CREDENTIAL }) }));
    const { requests } = await access.judge();
    expect([requests > 0, requests + access.source.requests]).toEqual([true, registry.requests.length]);
    await access.source.close();
  });

  it('takes an image for public if everybody gets it, whoever has logged in', async () => {
    await using registry = await start({ kind: 'bearer' });
    const login = network(registry, { login: CREDENTIAL });
    expect(await open(registry, { network: login })).toMatchObject({
      isRestricted: false,
      caching: { storeRead: true },
    });
    expect(registry.requests.some(({ authorization }) => authorization === 'basic')).toBe(true);
  });

  it('looks again when a layer needed a credential that the manifest did not', async () => {
    await using registry = await start(BASIC);
    const reference = parseReference(`${registry.host}/fx:v1`);
    const layout = fixtureImage('v1', 'gzip');
    const seeds = [{ kind: 'oci', path: layout.layout } as const];
    const image = { kind: 'registry', reference: { ...reference, digest: layout.digest } } as const;
    const login = network(registry, { login: CREDENTIAL });
    const access = await openImage(options(registry, { image, seeds, network: login }));
    expect(access.caching).toMatchObject({ storeRead: true });
    expect(await access.judge()).toMatchObject({ isRestricted: false });
    // A seed that turns out damaged has the layer come from the registry.
    access.source.locate?.(layout.layer);
    expect(access.source.distrust?.(layout.layer.digest)).toBe(true);
    const { chunks } = await access.source.openBlob(
      layout.layer,
      { start: 0, end: 9 },
      AbortSignal.timeout(9000),
    );
    for await (const _ of chunks) break;
    expect(await access.judge()).toMatchObject({ isRestricted: true, caching: NOTHING });
    await access.source.close();
  });

  it('gives the fallback credential to a layer, too, that a seed does not have', async () => {
    await using registry = await start(BASIC);
    const layout = fixtureImage('v1', 'gzip');
    const reference = parseReference(`${registry.host}/fx:v1`);
    const image = { kind: 'registry', reference: { ...reference, digest: layout.digest } } as const;
    const access = await openImage(options(registry, { image }));
    const { chunks } = await access.source.openBlob(
      layout.layer,
      { start: 0, end: 9 },
      AbortSignal.timeout(9000),
    );
    for await (const bytes of chunks) expect(bytes.length).toBeGreaterThan(0);
    expect(await access.judge()).toMatchObject({ isRestricted: true });
    await access.source.close();
  });

  it('takes an image for restricted that the registry shows only to those who send a header of hosts.toml', async () => {
    await using registry = await start({ kind: 'none' });
    await using front = await knowingFriends(registry.host);
    using directory = scratch();
    mkdirSync(directory.in(front.host));
    const toml = `server = "http://${front.host}"\n[header]\nx-friend = "s3cr3t"\n`;
    writeFileSync(join(directory.in(front.host), 'hosts.toml'), toml);
    const { hosts } = network(registry, {});
    const settings = network(registry, { hosts: { ...hosts, hostsDirectory: directory.path } });
    const image = parseImageName(`${front.host}/fx:v1`);
    expect(await open(registry, { image, network: settings })).toMatchObject({ isRestricted: true });
  });

  it('takes an image from this machine without asking anybody or keeping a copy', async () => {
    await using registry = await start({ kind: 'none' });
    const image = parseImageName(`oci:${fixtureLayout('gzip')}:v1`);
    expect(await open(registry, { image })).toMatchObject({ isRestricted: false, caching: NOTHING });
    expect(registry.requests).toHaveLength(0);
  });

  it('asks the registry for nothing that a seed holds', async () => {
    await using registry = await start({ kind: 'none' });
    const image = parseImageName(`${registry.host}/fx:v1`);
    const digest = (await open(registry)).image.digest;
    registry.requests.length = 0;
    const seeds = [{ kind: 'oci', path: fixtureLayout('gzip') } as const];
    const named = parseImageName(`${registry.host}/fx@${digest}`);
    expect((await open(registry, { image: named, seeds })).image.digest).toBe(digest);
    expect(registry.requests).toHaveLength(0);
    // A tag is the registry's to explain, unless a seed names the whole reference.
    await open(registry, { image, seeds });
    expect(registry.requests.filter(({ path }) => path.includes('/manifests/'))).toHaveLength(1);
  });
});

describe('a refusal without a login', () => {
  it('tells of logins for registries that look like it', async () => {
    await using registry = await start(BASIC);
    const auths = { '127.0.0.1:1': { auth: 'bWU6aHVudGVyMg==' } };
    const env = { DOCKER_AUTH_CONFIG: JSON.stringify({ auths }) };
    const { hosts } = network(registry, {});
    const logins = network(registry, { hosts: { ...hosts, env }, fallback: undefined });
    const error = await rejection(open(registry, { network: logins }));
    expect(error).toMatchObject({ code: 'UNAUTHORIZED' });
    expect((error as PullError).hint).toMatch(
      /^There is no login for 127\.0\.0\.1:\d+, but the variable DOCKER_AUTH_CONFIG has one for 127\.0\.0\.1:1\. .*No credential was sent/,
    );
  });
});

describe('a file of logins that was named', () => {
  it.each([
    ['is absent', undefined],
    ['is no JSON', 'not JSON'],
  ])('and %s is told before anything is asked, though the image is for everybody', async (_, content) => {
    using dir = scratch();
    await using registry = await startRegistry({
      images: [{ repository: 'fx', layout: fixtureLayout('gzip') }],
    });
    const authFile = dir.in('auth.json');
    if (content !== undefined) writeFileSync(authFile, content);
    const opened = openImage(options(registry, { network: network(registry, { authFile }) }));
    expect(await rejection(opened)).toMatchObject({ code: 'CONFIG_INVALID' });
    expect(registry.requests).toEqual([]);
  });
});
