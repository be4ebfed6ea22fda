import { describe, expect, it } from 'vitest';
import { parseReference } from '../../src/oci/reference.ts';
import { openImage } from '../../src/pull/access.ts';
import type { PullOptions } from '../../src/pull/options.ts';
import { fixtureLayout } from '../support/fixture-image.ts';
import { type RegistryOptions, startRegistry, type TestRegistry } from '../support/registry.ts';
import { rejection } from '../support/registry-client.ts';

const CREDENTIAL = { username: 'user', password: 'pass' };
const BASIC: NonNullable<RegistryOptions['auth']> = { kind: 'basic', ...CREDENTIAL };

async function start(auth: NonNullable<RegistryOptions['auth']>): Promise<TestRegistry> {
  return startRegistry({ images: [{ repository: 'fx', layout: fixtureLayout('gzip') }], auth });
}

function options(registry: TestRegistry, more: Partial<PullOptions>): PullOptions {
  return {
    reference: parseReference(`${registry.host}/fx:v1`),
    platform: { os: 'linux', architecture: 'amd64' },
    destination: '/nowhere',
    ownership: 'auto',
    limits: {},
    tlsVerify: true,
    storeDirectory: '/nowhere',
    storeRead: true,
    storeWrite: true,
    concurrency: 2,
    emit: () => undefined,
    signal: new AbortController().signal,
    ...more,
  };
}

const fallback = { credential: CREDENTIAL, storeRead: false, storeWrite: false };

describe('openImage', () => {
  it('keeps the fallback credential to itself where the image is public', async () => {
    await using registry = await start({ kind: 'none' });
    const access = await openImage(options(registry, { fallback }));
    expect(access).toMatchObject({ usedFallback: false, caching: { storeRead: true, storeWrite: true } });
    expect(registry.requests.every(({ authorization }) => authorization === undefined)).toBe(true);
    await access.source.close();
  });

  it('uses it where the registry refuses an anonymous pull, with its own rules for caching', async () => {
    await using registry = await start(BASIC);
    const access = await openImage(options(registry, { fallback }));
    expect(access).toMatchObject({ usedFallback: true, caching: { storeRead: false, storeWrite: false } });
    await access.source.close();
  });

  it('fails with UNAUTHORIZED where there is nothing to fall back on', async () => {
    await using registry = await start(BASIC);
    expect(await rejection(openImage(options(registry, {})))).toMatchObject({ code: 'UNAUTHORIZED' });
  });

  it('does not try the fallback after a failure that has nothing to do with access', async () => {
    await using registry = await start({ kind: 'none' });
    const missing = {
      ...options(registry, { fallback }),
      platform: { os: 'windows', architecture: 'amd64' },
    };
    expect(await rejection(openImage(missing))).toMatchObject({ code: 'PLATFORM_NOT_FOUND' });
    expect(registry.requests.every(({ authorization }) => authorization === undefined)).toBe(true);
  });
});
