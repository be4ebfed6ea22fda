import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { digestOf } from '../../src/integrity/hash.ts';
import { parseReference } from '../../src/oci/reference.ts';
import { openRegistrySource } from '../../src/source/registry-source.ts';
import type { ImageSource } from '../../src/source/source.ts';
import {
  type DockerRegistry,
  pushLayout,
  skipDockerRegistry,
  startDockerRegistry,
} from '../support/docker-registry.ts';
import { fixtureImage } from '../support/fixture-image.ts';
import { startRegistry, type TestRegistry } from '../support/registry.ts';
import { clientOptionsFor, collect, hostFor, REPOSITORY } from '../support/registry-client.ts';

const image = fixtureImage();
const never = new AbortController().signal;
const images = [{ repository: REPOSITORY, layout: image.layout }];

function openSource(host: string, repository = REPOSITORY): ImageSource {
  const { host: _host, credential: _credential, patience: _patience, ...options } = clientOptionsFor(host);
  return openRegistrySource({
    ...options,
    reference: parseReference(`${host}/${repository}:v1`),
    hosts: [hostFor(host, { repository })],
    keychain: async () => undefined,
  });
}

describe('openRegistrySource', () => {
  let registry: TestRegistry;
  let source: ImageSource;
  beforeAll(async () => {
    registry = await startRegistry({ images });
    source = openSource(registry.host);
  });
  afterAll(async () => {
    await source.close();
    await registry.close();
  });

  it('has the name of the repository and counts its requests', async () => {
    expect(source.name).toBe(`${registry.host}/${REPOSITORY}`);
    const before = source.requests;
    await source.manifest('v1');
    expect(source.requests - before).toBe(1);
  });

  it('reads a small blob whole and verified', async () => {
    const bytes = await source.smallBlob(image.config, 10_000);
    expect(digestOf(bytes)).toBe(image.config.digest);
  });

  it('reads an empty blob without asking for it', async () => {
    const before = source.requests;
    const empty = { ...image.config, size: 0, digest: digestOf(new Uint8Array()) };
    expect(await source.smallBlob(empty, 10)).toHaveLength(0);
    expect(source.requests).toBe(before);
  });

  it('does not read a blob that is not small', async () => {
    const before = source.requests;
    await expect(source.smallBlob(image.config, 10)).rejects.toMatchObject({ code: 'LIMIT_EXCEEDED' });
    expect(source.requests).toBe(before);
  });

  it.each([
    ['once, and asks again', 1, undefined],
    ['for good, and refuses it', undefined, 'DIGEST_MISMATCH'],
  ])('notices bytes damaged %s', async (_name, times, code) => {
    registry.faults.add({ kind: 'corrupt', offset: 7, on: '/v2/', ...(times ? { times } : {}) });
    const blob = source.smallBlob(image.config, 10_000);
    if (code) await expect(blob).rejects.toMatchObject({ code });
    else expect(await blob).toHaveLength(image.config.size);
    registry.faults.clear();
  });
});

describe('what a source tells about its hosts', () => {
  it('is who served how much, the way to the data, and tags', async () => {
    const tags = { kind: 'status', status: 200, body: '{"tags":["v1"]}', on: '/tags/list' } as const;
    await using registry = await startRegistry({ images, faults: [tags] });
    const source = openSource(registry.host);
    expect(source.link?.()).toBeUndefined();
    const manifest = await source.manifest('v1');
    const body = await source.openBlob(image.layer, { start: 5, end: 500_005 }, never);
    await collect(body.chunks);
    const bytes = manifest.bytes.length + 500_000;
    expect(source.hosts).toEqual([{ host: registry.host, bytes, requests: 2, failures: 0 }]);
    expect(source.link?.()?.roundTripMs).toBeGreaterThan(0);
    expect(source.quota).toBeUndefined();
    expect(await source.tags?.()).toEqual(['v1']);
    await source.close();
  });
});

const skipped = skipDockerRegistry();

describe.skipIf(skipped)(`docker-registry${skipped ? ` (${skipped})` : ''}`, () => {
  let registry: DockerRegistry;
  let source: ImageSource;
  beforeAll(async () => {
    registry = await startDockerRegistry();
    await pushLayout(registry.host, 'team/app', image.layout);
    source = openSource(registry.host, 'team/app');
  });
  afterAll(async () => {
    await source?.close();
    await registry?.close();
  });

  it('serves manifests by tag and by digest', async () => {
    for (const target of ['v1', image.digest]) {
      const manifest = await source.manifest(target);
      expect(manifest.digest).toBe(image.digest);
      expect(image.manifest.equals(manifest.bytes)).toBe(true);
    }
    expect((await source.manifest('v2')).digest).toBe(fixtureImage('v2').digest);
  });

  it('serves configs', async () => {
    expect(digestOf(await source.smallBlob(image.config, 10_000))).toBe(image.config.digest);
  });

  it.each([
    ['the whole blob', { start: 0, end: image.layer.size }],
    ['its first byte', { start: 0, end: 1 }],
    ['its last byte', { start: image.layer.size - 1, end: image.layer.size }],
    ['a middle part', { start: 12_345, end: 1_234_567 }],
  ])('serves %s', async (_name, range) => {
    const body = await source.openBlob(image.layer, range, never);
    expect(body.range).toEqual(range);
    const expected = image.bytes(image.layer).subarray(range.start, range.end);
    expect((await collect(body.chunks)).equals(expected)).toBe(true);
  });

  it('answers 416 to what its blob does not hold, which is a mismatch of sizes', async () => {
    const longer = { ...image.layer, size: image.layer.size + 10 };
    const range = { start: image.layer.size, end: image.layer.size + 10 };
    await expect(source.openBlob(longer, range, never)).rejects.toMatchObject({ code: 'SIZE_MISMATCH' });
  });

  it('knows no other tag and no other repository', async () => {
    await expect(source.manifest('v9')).rejects.toMatchObject({
      code: 'NOT_FOUND',
      diagnostics: [{ code: 'MANIFEST_UNKNOWN' }],
    });
    const stranger = openSource(registry.host, 'team/other');
    await expect(stranger.manifest('v1')).rejects.toMatchObject({ code: 'NOT_FOUND' });
    await stranger.close();
  });
});
