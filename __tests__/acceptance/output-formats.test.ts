// The built program writes layouts, archives and tars; the tools of others read them back and find the image.
import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { pullJson, scratch } from '../support/cli.ts';
import {
  type DockerRegistry,
  pushLayout,
  skipDockerRegistry,
  startDockerRegistry,
} from '../support/docker-registry.ts';
import { fixtureImage, fixtureLayout } from '../support/fixture-image.ts';
import { run, skipWithout } from '../support/peers.ts';
import { expectedTree, isRoot, listTree, type TreeRecord } from '../support/tree.ts';

const LAYERS = ['gzip', 'zstd', 'zstd-chunked'] as const;
const FORMATS = ['oci-layout', 'oci-archive', 'docker-archive', 'tar'] as const;
const PEERS = skipWithout('skopeo', 'umoci', 'tar');
const sha256 = (bytes: Uint8Array) => `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
type Format = (typeof FORMATS)[number];

/** How skopeo calls what was written. */
function skopeoName(format: Format, path: string, { tag, name }: { tag: string; name: string }): string {
  if (format === 'oci-layout') return `oci:${path}:${tag}`;
  return format === 'oci-archive' ? `oci-archive:${path}:${tag}` : `docker-archive:${path}:${name}`;
}

/** The tree that another tool makes of it. */
function treeOf(format: Format, path: string, image: { tag: string; name: string }): TreeRecord[] {
  using dir = scratch();
  const root = dir.in('root');
  if (format === 'tar') {
    mkdirSync(root);
    run('tar', '--xattrs', '--xattrs-include=*', '-xpf', path, '-C', root);
    return listTree(root);
  }
  run('umoci', 'raw', 'unpack', '--image', layoutOf(skopeoName(format, path, image), dir), root);
  return listTree(root);
}

/** umoci 0.4 reads layouts without Zstandard only: a directory of skopeo's can be had without any compression. */
function layoutOf(from: string, dir: ReturnType<typeof scratch>): string {
  const plain = from.startsWith('docker-archive:') ? from : `dir:${dir.in('plain')}`;
  if (plain !== from) run('skopeo', 'copy', '--quiet', '--dest-decompress', from, plain);
  run('skopeo', 'copy', '--quiet', plain, `oci:${dir.in('layout')}:it`);
  return `${dir.in('layout')}:it`;
}

/** Digests of the blobs of a layout are what their names say. */
function expectSound(layout: string): void {
  const blobs = join(layout, 'blobs/sha256');
  for (const name of readdirSync(blobs))
    expect(sha256(readFileSync(join(blobs, name)))).toBe(`sha256:${name}`);
}

describe.skipIf(skipDockerRegistry() ?? PEERS ?? (isRoot() ? undefined : 'owners need root'))(
  'the format',
  () => {
    let registry: DockerRegistry;

    beforeAll(async () => {
      registry = await startDockerRegistry();
      for (const layers of LAYERS) await pushLayout(registry.host, `fx/${layers}`, fixtureLayout(layers));
    });
    afterAll(() => registry.close());

    const cases = LAYERS.flatMap((layers) => FORMATS.map((format) => [format, layers] as const));

    it.each(cases)(
      '%s of %s is what other tools find in it, cold, warm and updated',
      async (format, layers) => {
        using dir = scratch();
        const repository = `${registry.host}/fx/${layers}`;
        const pull = async (tag: string, place: string) => {
          const args = ['--format', format, '--cache-dir', dir.in('cache')];
          const result = await pullJson([`${repository}:${tag}`, dir.in(place), ...args]);
          const image = fixtureImage(tag, layers);
          expect(result).toMatchObject({ format, digest: image.digest, ownership: 'preserve', warnings: [] });
          expect(readFileSync(result['config-path'])).toEqual(image.bytes(image.config));
          if (format !== 'tar') expectImage(tag, place, result);
          const tree = treeOf(format, dir.in(place), { tag, name: `${repository}:${tag}` });
          expect(tree).toEqual(expectedTree(tag));
          return result;
        };
        const expectImage = (tag: string, place: string, result: Awaited<ReturnType<typeof pullJson>>) => {
          const image = fixtureImage(tag, layers);
          const name = skopeoName(format, dir.in(place), { tag, name: `${repository}:${tag}` });
          const config = Buffer.from(run('skopeo', 'inspect', '--raw', '--config', name));
          expect(sha256(config)).toBe(image.config.digest);
          const digest = sha256(Buffer.from(run('skopeo', 'inspect', '--raw', name)));
          if (format !== 'docker-archive') expect(digest === image.digest).toBe(result['manifest-kept']);
          if (format === 'oci-layout') expectSound(dir.in(place));
        };
        const cold = await pull('v1', 'first');
        const warm = await pull('v1', 'second');
        const update = await pull('v2', 'first');
        expect([cold['cache-hit'], warm['cache-hit'], update['cache-hit']]).toEqual([false, true, false]);
        if (format === 'oci-layout' || format === 'oci-archive')
          expect([cold, warm, update].map((each) => each['manifest-kept'])).toEqual([
            true,
            true,
            layers !== 'zstd-chunked',
          ]);
        if (layers === 'zstd-chunked')
          expect(update['bytes-downloaded']).toBeLessThan(0.5 * update['bytes-total']);
      },
    );

    it.each(['oci-archive', 'docker-archive', 'tar'] as const)(
      '%s is the same file each time',
      async (format) => {
        using dir = scratch();
        const pull = async (layers: string, place: string) => {
          await pullJson([
            `${registry.host}/fx/${layers}:v1`,
            dir.in(place),
            '--format',
            format,
            '--cache-mode',
            'none',
          ]);
          return sha256(readFileSync(dir.in(place)));
        };
        const first = await pull('gzip', 'a');
        expect(await pull('gzip', 'b')).toBe(first);
        // It does not depend on how the layers are compressed.
        if (format === 'tar') expect(await pull('zstd', 'c')).toBe(first);
      },
    );
  },
);

describe.skipIf(PEERS)('a layout', () => {
  it('with its own manifest and gzip layers is one that umoci reads as it is', async () => {
    using dir = scratch();
    await pullJson([`oci:${fixtureLayout('gzip')}:v1`, dir.in('layout'), '--format', 'oci-layout']);
    run(
      'umoci',
      'raw',
      'unpack',
      ...(isRoot() ? [] : ['--rootless']),
      '--image',
      `${dir.in('layout')}:v1`,
      dir.in('root'),
    );
    if (isRoot()) expect(listTree(dir.in('root'))).toEqual(expectedTree('v1'));
    expectSound(dir.in('layout'));
    expect(readdirSync(dir.in('root')).length).toBeGreaterThan(3);
  });

  it('of an image with a manifest of Docker keeps that', async () => {
    using dir = scratch();
    run(
      'skopeo',
      'copy',
      '--quiet',
      '--format',
      'v2s2',
      `oci:${fixtureLayout('gzip')}:v1`,
      `dir:${dir.in('docker')}`,
    );
    const manifest = readFileSync(dir.in('docker/manifest.json'));
    const layout = dir.in('source');
    run(
      'skopeo',
      'copy',
      '--quiet',
      '--preserve-digests',
      `oci:${fixtureLayout('gzip')}:v1`,
      `oci:${layout}:v1`,
    );
    const put = (bytes: Buffer) => writeFileSync(join(layout, 'blobs/sha256', sha256(bytes).slice(7)), bytes);
    put(manifest);
    put(readFileSync(dir.in(`docker/${JSON.parse(String(manifest)).config.digest.slice(7)}`)));
    const mediaType = 'application/vnd.docker.distribution.manifest.v2+json';
    const index = {
      schemaVersion: 2,
      manifests: [{ mediaType, digest: sha256(manifest), size: manifest.length }],
    };
    writeFileSync(join(layout, 'index.json'), JSON.stringify(index));
    const result = await pullJson([`oci:${layout}`, dir.in('out'), '--format', 'oci-layout']);
    expect(result).toMatchObject({ digest: sha256(manifest), 'manifest-kept': true });
    expect(sha256(Buffer.from(run('skopeo', 'inspect', '--raw', `oci:${dir.in('out')}`)))).toBe(
      sha256(manifest),
    );
  });
});
