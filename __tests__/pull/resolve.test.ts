import { describe, expect, it } from 'vitest';
import type { Descriptor } from '../../src/oci/descriptor.ts';
import { parsePlatform } from '../../src/oci/platform.ts';
import { resolveImage } from '../../src/pull/resolve.ts';
import { jsonBytes, sampleDigest } from '../support/descriptors.ts';
import { createFakeSource, descriptorOf } from '../support/fake-source.ts';
import { fixtureImage } from '../support/fixture-image.ts';
import { rejected } from '../support/pull-error.ts';

const MANIFEST = 'application/vnd.oci.image.manifest.v1+json';
const INDEX = 'application/vnd.oci.image.index.v1+json';
const CONFIG = 'application/vnd.oci.image.config.v1+json';
const LAYER = 'application/vnd.oci.image.layer.v1.tar+gzip';
const AMD64 = parsePlatform('linux/amd64');
const TAG = 'v1';

const asJson = ({ mediaType, digest, size }: Descriptor, more: object = {}) => ({
  mediaType,
  digest,
  size,
  ...more,
});

interface ImageShape {
  readonly config?: object;
  readonly layers?: readonly string[];
}

/** An image: its manifest, and the config that belongs to it. */
function image({ config = {}, layers = [LAYER] }: ImageShape = {}) {
  const diffIds = layers.map((_, index) => sampleDigest(index + 100));
  const configBytes = jsonBytes({
    os: 'linux',
    architecture: 'amd64',
    rootfs: { type: 'layers', diff_ids: diffIds },
    ...config,
  });
  const manifest = jsonBytes({
    schemaVersion: 2,
    mediaType: MANIFEST,
    config: asJson(descriptorOf(configBytes, { mediaType: CONFIG })),
    layers: layers.map((mediaType, index) => ({ mediaType, digest: sampleDigest(index), size: 9 })),
  });
  return { manifest, configBytes, diffIds, digest: descriptorOf(manifest).digest };
}

function indexOf(manifests: readonly object[]): Uint8Array {
  return jsonBytes({ schemaVersion: 2, mediaType: INDEX, manifests });
}

function sourceOf(documents: Readonly<Record<string, Uint8Array>>, blobs: readonly Uint8Array[]) {
  const manifests = Object.fromEntries(Object.entries(documents).map(([name, bytes]) => [name, { bytes }]));
  return createFakeSource({ manifests, blobs });
}

describe('resolveImage', () => {
  it('finds the manifest and the config of a tag', async () => {
    const { manifest, configBytes, diffIds, digest } = image();
    const source = sourceOf({ v1: manifest }, [configBytes]);
    expect(await resolveImage(source, TAG, AMD64)).toMatchObject({
      repository: 'example.com/app',
      digest,
      indexDigest: undefined,
      platform: 'linux/amd64',
      manifest: { kind: 'image', layers: [{ digest: sampleDigest(0) }] },
      config: { diffIds },
      configBytes,
    });
    expect(source.asked).toEqual([['v1', undefined]]);
  });

  it.each(['v2', sampleDigest(5)])('asks for %s by no other name', async (target) => {
    const { manifest, configBytes } = image();
    const source = sourceOf({ [target]: manifest }, [configBytes]);
    await resolveImage(source, target, AMD64);
    expect(source.asked[0]?.[0]).toBe(target);
  });

  it('goes through an index to the wanted platform, and expects what the index says', async () => {
    const [amd64, arm64] = [image(), image({ config: { architecture: 'arm64', variant: 'v8' } })];
    const index = indexOf([
      asJson(descriptorOf(amd64.manifest, { mediaType: MANIFEST }), {
        platform: { os: 'linux', architecture: 'amd64' },
      }),
      asJson(descriptorOf(arm64.manifest, { mediaType: MANIFEST }), {
        platform: { os: 'linux', architecture: 'arm64' },
      }),
    ]);
    const source = sourceOf({ v1: index, [arm64.digest]: arm64.manifest }, [arm64.configBytes]);
    expect(await resolveImage(source, TAG, parsePlatform('linux/arm64'))).toMatchObject({
      digest: arm64.digest,
      indexDigest: descriptorOf(index).digest,
      platform: 'linux/arm64/v8',
    });
    expect(source.asked[1]).toMatchObject([
      arm64.digest,
      { digest: arm64.digest, size: arm64.manifest.length },
    ]);
  });

  it('goes through an index in an index, and names the outer one', async () => {
    const { manifest, configBytes, digest } = image();
    const platform = { os: 'linux', architecture: 'amd64' };
    const inner = indexOf([asJson(descriptorOf(manifest, { mediaType: MANIFEST }), { platform })]);
    const outer = indexOf([asJson(descriptorOf(inner, { mediaType: INDEX }), { platform })]);
    const innerDigest = descriptorOf(inner).digest;
    const source = sourceOf({ v1: outer, [innerDigest]: inner, [digest]: manifest }, [configBytes]);
    expect(await resolveImage(source, TAG, AMD64)).toMatchObject({
      digest,
      indexDigest: descriptorOf(outer).digest,
    });
  });

  it.each([
    [4, undefined],
    [5, 'MANIFEST_INVALID'],
  ] as const)('follows %i indexes one after the other: %s', async (depth, code) => {
    const { manifest, configBytes, digest } = image();
    const documents: Record<string, Uint8Array> = { [digest]: manifest };
    let [bytes, mediaType] = [manifest, MANIFEST];
    for (let level = 0; level < depth; level++) {
      bytes = indexOf([
        asJson(descriptorOf(bytes, { mediaType }), { platform: { os: 'linux', architecture: 'amd64' } }),
      ]);
      mediaType = INDEX;
      documents[descriptorOf(bytes).digest] = bytes;
    }
    const resolving = resolveImage(sourceOf({ ...documents, v1: bytes }, [configBytes]), TAG, AMD64);
    if (code) await rejected(code, resolving);
    else expect((await resolving).digest).toBe(digest);
  });

  it('does not go round in circles', async () => {
    const loop = sampleDigest(77);
    const index = indexOf([
      { mediaType: INDEX, digest: loop, size: 9, platform: { os: 'linux', architecture: 'amd64' } },
    ]);
    await rejected('MANIFEST_INVALID', resolveImage(sourceOf({ v1: index, [loop]: index }, []), TAG, AMD64));
  });

  it('refuses a single manifest of another platform, and says which', async () => {
    const { manifest, configBytes } = image({ config: { architecture: 'arm64' } });
    const error = await rejected(
      'PLATFORM_NOT_FOUND',
      resolveImage(sourceOf({ v1: manifest }, [configBytes]), TAG, AMD64),
    );
    expect(error.message).toContain('linux/arm64');
    await rejected(
      'PLATFORM_NOT_FOUND',
      resolveImage(sourceOf({ v1: manifest }, [configBytes]), TAG, parsePlatform('windows/arm64')),
    );
  });

  it('takes a single manifest that does not tell its platform', async () => {
    const { manifest, configBytes } = image({ config: { os: undefined, architecture: undefined } });
    expect(await resolveImage(sourceOf({ v1: manifest }, [configBytes]), TAG, AMD64)).toMatchObject({
      config: { os: 'unknown' },
    });
  });

  it('takes what an index says about the platform over the config', async () => {
    const { manifest, configBytes, digest } = image({ config: { architecture: 'amd64' } });
    const index = indexOf([
      asJson(descriptorOf(manifest, { mediaType: MANIFEST }), {
        platform: { os: 'linux', architecture: 'riscv64' },
      }),
    ]);
    const source = sourceOf({ v1: index, [digest]: manifest }, [configBytes]);
    expect((await resolveImage(source, TAG, parsePlatform('linux/riscv64'))).digest).toBe(digest);
  });

  it.each<[string, string, ImageShape]>([
    ['an encrypted layer', 'MEDIA_TYPE_UNSUPPORTED', { layers: [`${LAYER}+encrypted`] }],
    ['a layer that is no archive', 'MEDIA_TYPE_UNSUPPORTED', { layers: [LAYER, 'application/json'] }],
    ['a diff_id too few', 'MANIFEST_INVALID', { config: { rootfs: { type: 'layers', diff_ids: [] } } }],
    [
      'a diff_id too many',
      'MANIFEST_INVALID',
      { layers: [], config: { rootfs: { type: 'layers', diff_ids: [sampleDigest()] } } },
    ],
    ['no rootfs', 'MANIFEST_INVALID', { config: { rootfs: undefined } }],
  ])('refuses an image with %s', async (_, code, shape) => {
    const { manifest, configBytes } = image(shape);
    await expect(resolveImage(sourceOf({ v1: manifest }, [configBytes]), TAG, AMD64)).rejects.toMatchObject({
      code,
    });
  });

  it('takes an image without layers', async () => {
    const { manifest, configBytes } = image({ layers: [] });
    expect(
      (await resolveImage(sourceOf({ v1: manifest }, [configBytes]), TAG, AMD64)).manifest.layers,
    ).toEqual([]);
  });

  it.each([
    ['no JSON', Buffer.from('<html>')],
    [
      'an artifact',
      jsonBytes({ schemaVersion: 2, mediaType: 'application/vnd.oci.artifact.manifest.v1+json' }),
    ],
  ])('refuses %s for a manifest', async (_, bytes) => {
    await expect(resolveImage(sourceOf({ v1: bytes }, []), TAG, AMD64)).rejects.toMatchObject({
      code: expect.stringMatching(/^(MANIFEST_INVALID|MEDIA_TYPE_UNSUPPORTED)$/),
    });
  });

  it('throws what the source throws', async () => {
    await rejected('NOT_FOUND', resolveImage(sourceOf({}, []), TAG, AMD64));
    await rejected('NOT_FOUND', resolveImage(sourceOf({ v1: image().manifest }, []), TAG, AMD64));
  });

  it('does not read a config that is too large', async () => {
    const { manifest } = image();
    const large = JSON.parse(Buffer.from(manifest).toString());
    large.config.size = 100 << 20;
    await rejected('LIMIT_EXCEEDED', resolveImage(sourceOf({ v1: jsonBytes(large) }, []), TAG, AMD64));
  });

  it.each(['gzip', 'zstd-chunked'] as const)('resolves the real %s image', async (format) => {
    const real = fixtureImage('v1', format);
    const source = sourceOf({ v1: real.manifest }, [real.bytes(real.config)]);
    const found = await resolveImage(source, TAG, AMD64);
    expect(found.digest).toBe(real.digest);
    expect(found.config.diffIds).toHaveLength(real.layers.length);
  });
});
