// Whole pulls of images on this machine, and of images of which a part is.
import { execFileSync } from 'node:child_process';
import { copyFileSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import { create } from 'tar';
import { describe, expect, it } from 'vitest';
import { freePort } from '../support/docker-registry.ts';
import { type FixtureFormat, fixtureImage, fixtureLayout } from '../support/fixture-image.ts';
import { dockerArchive, json, pullHere, readFiles, toTar, writeFiles } from '../support/local-images.ts';
import { rejected } from '../support/pull-error.ts';
import { startRegistry } from '../support/registry.ts';
import { temporaryDirectories } from '../support/temporary.ts';
import { expectedTree, isRoot, listTree } from '../support/tree.ts';

const FORMATS: readonly FixtureFormat[] = ['gzip', 'none', 'zstd', 'zstd-chunked', 'zstd-chunked-legacy'];
const temporary = temporaryDirectories();

function checkTree(rootPath: string, tag: string): void {
  const options = isRoot() ? {} : { noOwner: true, noXattrs: true, noDevices: true };
  if (isRoot()) expect(listTree(rootPath)).toEqual(expectedTree(tag));
  else expect(listTree(rootPath, options).length).toBe(expectedTree(tag, options).length);
}

function hasTool(name: string): boolean {
  try {
    execFileSync(name, ['--version'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

/** Reads `blobs/…` of a copy of a fixture, so that it can be changed. */
function copyOf(format: FixtureFormat): string {
  return writeFiles(temporary(), readFiles(fixtureLayout(format)));
}

const blobFile = (layout: string, digest: string) => join(layout, 'blobs', digest.replace(':', '/'));

describe('an image on this machine', () => {
  it.each(FORMATS.flatMap((format) => ['v1', 'v2'].map((tag) => [format, tag] as const)))(
    'is unpacked from the directory of a layout (%s, %s), in place',
    async (format, tag) => {
      const result = await pullHere(temporary(), `oci:${fixtureLayout(format)}:${tag}`);
      checkTree(result.rootPath, tag);
      expect(result).toMatchObject({
        digest: fixtureImage(tag, format).digest,
        requests: 0,
        bytesDownloaded: 0,
        bytesFromCache: 0,
        bytesFromSeed: result.bytesTotal,
        newPacks: [],
        livePacks: [],
        warnings: [],
      });
      expect(result.layers.map(({ way }) => way)).toEqual(['local', 'local']);
    },
  );

  it.each(FORMATS)('is unpacked from an archive of a layout (%s)', async (format) => {
    const file = join(temporary(), 'image.tar');
    await create({ cwd: fixtureLayout(format), file }, ['.']);
    const result = await pullHere(temporary(), `oci-archive:${file}:v2`);
    checkTree(result.rootPath, 'v2');
    expect(result).toMatchObject({ digest: fixtureImage('v2', format).digest, bytesDownloaded: 0 });
  });

  it.each([
    ['gzip', gzipSync],
    ['zstd', zstdCompressSync],
  ])('is unpacked from an archive that is compressed as a whole with %s', async (_, compress) => {
    const file = join(temporary(), 'image.tar.z');
    writeFileSync(file, compress(toTar(readFiles(fixtureLayout('none')))));
    const result = await pullHere(temporary(), `oci-archive:${file}:v1`);
    checkTree(result.rootPath, 'v1');
  });

  it.each([
    ['gzip', 'legacy', 'tar'],
    ['zstd', 'legacy', 'tar'],
    ['none', 'legacy', 'tar'],
    ['gzip', 'compressed', 'gzip'],
    ['zstd', 'compressed', 'zstd'],
    ['zstd-chunked', 'compressed', 'zstd'],
  ] as const)('is unpacked from an archive of docker save (%s, %s)', async (format, style, stored) => {
    const file = join(temporary(), 'image.tar');
    writeFileSync(file, toTar(dockerArchive('v1', format, style)));
    const result = await pullHere(temporary(), `docker-archive:${file}:fixture/app:v1`);
    checkTree(result.rootPath, 'v1');
    expect(result.layers.map((layer) => layer.format)).toEqual([stored, stored]);
  });

  it.skipIf(!hasTool('skopeo')).each(['oci', 'oci-archive', 'docker-archive'])(
    'is unpacked from what skopeo writes as %s',
    async (transport) => {
      const target = `${transport}:${join(temporary(), 'image')}:${transport === 'oci' ? 'v1' : 'fixture/app:v1'}`;
      const policy = join(temporary(), 'policy.json');
      writeFileSync(policy, '{"default":[{"type":"insecureAcceptAnything"}]}');
      execFileSync('skopeo', ['--policy', policy, 'copy', `oci:${fixtureLayout('gzip')}:v1`, target]);
      const result = await pullHere(temporary(), target);
      checkTree(result.rootPath, 'v1');
    },
  );

  it('is not unpacked where a layer is damaged, and the file is named', async () => {
    const layout = copyOf('gzip');
    const path = blobFile(layout, fixtureImage('v1', 'gzip').layer.digest);
    const bytes = readFileSync(path);
    bytes[1000] = 255 - (bytes[1000] as number);
    writeFileSync(path, bytes);
    const error = await rejected('DIGEST_MISMATCH', pullHere(temporary(), `oci:${layout}:v1`));
    expect(error.message).toContain(path);
  });

  it('is not unpacked where a layer of docker save is another than the config says', async () => {
    const files = dockerArchive('v1', 'none', 'legacy');
    const name = Object.keys(files).find((each) => each.endsWith('/layer.tar')) as string;
    const file = join(temporary(), 'image.tar');
    writeFileSync(file, toTar({ ...files, [name]: toTar({ evil: Buffer.from('x') }) }));
    const error = await rejected('DIGEST_MISMATCH', pullHere(temporary(), `docker-archive:${file}`));
    expect(error.message).toContain(file);
  });

  it('is refused for another platform', async () => {
    const pulled = pullHere(temporary(), `oci:${fixtureLayout('gzip')}:v1`, { platform: 'arm64' });
    await rejected('PLATFORM_NOT_FOUND', pulled);
  });
});

describe('a seed', () => {
  const image = fixtureImage('v1', 'gzip');
  const blobsAsked = (requests: readonly { readonly path: string }[]) =>
    requests.flatMap(({ path }) => /\/blobs\/(.*)$/.exec(path)?.[1] ?? []);

  async function open(format: FixtureFormat = 'gzip') {
    return startRegistry({ images: [{ repository: 'fx', layout: fixtureLayout(format) }] });
  }

  it.each(FORMATS)('spares every layer that it has: only the missing one is fetched (%s)', async (format) => {
    await using registry = await open(format);
    const { layers } = fixtureImage('v1', format);
    const [kept, missing] = [layers[0]?.digest ?? '', layers[1]?.digest ?? ''];
    const seed = copyOf(format);
    rmSync(blobFile(seed, missing));
    const result = await pullHere(temporary(), `${registry.host}/fx:v1`, { seeds: [`oci:${seed}`] });
    checkTree(result.rootPath, 'v1');
    expect(new Set(blobsAsked(registry.requests))).toEqual(new Set([missing]));
    expect(result).toMatchObject({
      bytesFromSeed: layers[0]?.size,
      bytesDownloaded: layers[1]?.size,
      layers: [{ way: 'local' }, { way: 'whole' }],
    });
    const packs = result.newPacks.map(({ path }) => readFileSync(path));
    const start = readFileSync(blobFile(seed, kept)).subarray(0, 64);
    expect(packs.every((pack) => !pack.includes(start))).toBe(true);
  });

  it('is what the next pull reads as well, so that the packs that hold the same are not kept alive', async () => {
    await using registry = await open('zstd-chunked');
    const store = temporary();
    const filled = await pullHere(temporary(), `${registry.host}/fx:v1`, { store });
    expect(filled.livePacks.length).toBe(1);
    const seeds = [`oci:${fixtureLayout('zstd-chunked')}`];
    const seeded = await pullHere(temporary(), `${registry.host}/fx:v1`, { store, seeds });
    expect(seeded).toMatchObject({ livePacks: [], newPacks: [], bytesFromCache: 0 });
    expect(seeded.bytesFromSeed).toBe(seeded.bytesTotal);
  });

  it('that has everything but the tag leaves one request for the manifest', async () => {
    await using registry = await open();
    const result = await pullHere(temporary(), `${registry.host}/fx:v1`, { seeds: [fixtureLayout('gzip')] });
    checkTree(result.rootPath, 'v1');
    expect(registry.requests.map(({ path }) => path)).toEqual(['/v2/fx/manifests/v1']);
  });

  it('that names the whole reference serves it without a registry', async () => {
    const layout = copyOf('gzip');
    const index = JSON.parse(readFileSync(join(layout, 'index.json'), 'utf8'));
    index.manifests[0].annotations = { 'io.containerd.image.name': 'registry.invalid/team/app:v1' };
    writeFileSync(join(layout, 'index.json'), JSON.stringify(index));
    const result = await pullHere(temporary(), 'registry.invalid/team/app:v1', { seeds: [`oci:${layout}`] });
    checkTree(result.rootPath, 'v1');
    expect(result).toMatchObject({ digest: image.digest, requests: 0, bytesDownloaded: 0 });
    expect(result.warnings).toEqual([
      expect.stringMatching(
        /^the tag registry\.invalid\/team\/app:v1 is resolved from the seed .* is not asked/,
      ),
    ]);
    expect(result.warnings[0]).toContain(image.digest);
  });

  it('that names the whole reference answers for a digest without a warning', async () => {
    const layout = copyOf('gzip');
    const index = JSON.parse(readFileSync(join(layout, 'index.json'), 'utf8'));
    index.manifests[0].annotations = { 'io.containerd.image.name': 'registry.invalid/team/app:v1' };
    writeFileSync(join(layout, 'index.json'), JSON.stringify(index));
    const name = `registry.invalid/team/app:v1@${image.digest}`;
    expect((await pullHere(temporary(), name, { seeds: [`oci:${layout}`] })).warnings).toEqual([]);
  });

  it.each(FORMATS)('made by old Docker spares what it holds uncompressed (%s)', async (format) => {
    await using registry = await open(format);
    const file = join(temporary(), 'image.tar');
    writeFileSync(file, toTar(dockerArchive('v1', format, 'legacy')));
    const result = await pullHere(temporary(), `${registry.host}/fx:v1`, { seeds: [file] });
    checkTree(result.rootPath, 'v1');
    expect(registry.requests.map(({ path }) => path)).toEqual(['/v2/fx/manifests/v1']);
    expect(result).toMatchObject({
      digest: fixtureImage('v1', format).digest,
      bytesDownloaded: 0,
      bytesFromSeed: result.bytesTotal,
      layers: [{ way: 'local' }, { way: 'local' }],
      newPacks: [],
      warnings: [],
    });
  });

  it('with an uncompressed layer that is damaged costs a warning, and the layer is fetched', async () => {
    await using registry = await open();
    const files = dockerArchive('v1', 'gzip', 'legacy');
    const name = Object.keys(files).find((each) => each.endsWith('/layer.tar')) as string;
    const file = join(temporary(), 'image.tar');
    writeFileSync(file, toTar({ ...files, [name]: toTar({ evil: Buffer.from('x') }) }));
    const result = await pullHere(temporary(), `${registry.host}/fx:v1`, { seeds: [file] });
    checkTree(result.rootPath, 'v1');
    expect(result.warnings.join()).toMatch(/layer sha256:\S+ in \S+ does not match .* fetched instead/);
    expect(result.layers.map(({ way }) => way).sort()).toEqual(['local', 'whole']);
  });

  it('made by docker save serves its tag where the registry cannot be reached, with a warning', async () => {
    const name = `127.0.0.1:${await freePort()}/fx:v1`;
    const files = dockerArchive('v1', 'gzip', 'legacy');
    const items = JSON.parse(Buffer.from(files['manifest.json'] ?? []).toString());
    items[0].RepoTags = [name];
    const file = join(temporary(), 'image.tar');
    writeFileSync(file, toTar({ ...files, 'manifest.json': json(items) }));
    const result = await pullHere(temporary(), name, { seeds: [file] });
    checkTree(result.rootPath, 'v1');
    expect(result.bytesDownloaded).toBe(0);
    expect(result.warnings.join()).toContain(`${result.digest} is not the digest that the registry knows`);
  });

  it('that is damaged costs a warning, and the layer is fetched', async () => {
    await using registry = await open();
    const seed = copyOf('gzip');
    copyFileSync(blobFile(seed, image.config.digest), blobFile(seed, image.layer.digest));
    const cut = await pullHere(temporary(), `${registry.host}/fx:v1`, { seeds: [seed] });
    checkTree(cut.rootPath, 'v1');
    expect(cut.notes.join()).toContain('is passed over');
    const bytes = Buffer.from(image.bytes(image.layer));
    bytes.fill(0, 5000, 6000);
    writeFileSync(blobFile(seed, image.layer.digest), bytes);
    const changed = await pullHere(temporary(), `${registry.host}/fx:v1`, { seeds: [seed] });
    checkTree(changed.rootPath, 'v1');
    expect(changed.warnings.join()).toContain('is fetched instead');
    expect(changed.bytesDownloaded).toBe(image.layer.size);
  });

  it('that is damaged all through costs few attempts', async () => {
    await using registry = await open();
    const seed = copyOf('gzip');
    for (const { digest, size } of image.layers) writeFileSync(blobFile(seed, digest), Buffer.alloc(size, 1));
    const result = await pullHere(temporary(), `${registry.host}/fx:v1`, { seeds: [seed] });
    checkTree(result.rootPath, 'v1');
    expect(result.bytesFromSeed).toBe(0);
  });

  it('that is absent is an error before anything is asked', async () => {
    await using registry = await open();
    const seeds = [join(temporary(), 'nothing')];
    await rejected('LAYOUT_INVALID', pullHere(temporary(), `${registry.host}/fx:v1`, { seeds }));
    expect(registry.requests).toEqual([]);
  });
});
