import { describe, expect, it } from 'vitest';
import { parseImageName } from '../../src/oci/image-name.ts';
import { openImage } from '../../src/pull/access.ts';
import type { PullOptions } from '../../src/pull/options.ts';
import { fixtureLayout } from '../support/fixture-image.ts';
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
  await access.source.close();
  return access;
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

  it('takes an image for public if everybody gets it, whoever has logged in', async () => {
    await using registry = await start({ kind: 'bearer' });
    const login = network(registry, { login: CREDENTIAL });
    expect(await open(registry, { network: login })).toMatchObject({
      isRestricted: false,
      caching: { storeRead: true },
    });
    expect(registry.requests.some(({ authorization }) => authorization === 'basic')).toBe(true);
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
