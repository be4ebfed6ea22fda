import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { PullError } from '../../src/errors.ts';
import { HttpError } from '../../src/http/http-error.ts';
import { parseSeed } from '../../src/oci/image-name.ts';
import { openSeeds, withSeeds } from '../../src/source/seed.ts';
import type { RawManifest } from '../../src/source/source.ts';
import { createFakeSource, descriptorOf, type FakeSourceOptions } from '../support/fake-source.ts';
import { json, sha256, toTar, writeFiles } from '../support/local-images.ts';
import { rejected } from '../support/pull-error.ts';
import { temporaryDirectories } from '../support/temporary.ts';

const temporary = temporaryDirectories();
const { signal } = new AbortController();
const MANIFEST = 'application/vnd.oci.image.manifest.v1+json';
const blob = Buffer.from('a blob of the image');
const other = Buffer.from('a blob that only the registry has');
const manifest = json({ schemaVersion: 2 });
const descriptor = descriptorOf(blob);

interface Named {
  readonly ref?: string;
  readonly name?: string;
}

/** Of one image, with these blobs. */
function writeSeed({ ref, name }: Named = {}, blobs: readonly Uint8Array[] = [blob, manifest]): string {
  const annotations = {
    ...(ref ? { 'org.opencontainers.image.ref.name': ref } : {}),
    ...(name ? { 'io.containerd.image.name': name } : {}),
  };
  const { digest, size } = descriptorOf(manifest);
  return writeFiles(temporary(), {
    'index.json': json({ manifests: [{ mediaType: MANIFEST, digest, size, annotations }] }),
    ...Object.fromEntries(blobs.map((bytes) => [`blobs/sha256/${sha256(bytes)}`, bytes])),
  });
}

const REGISTRY: FakeSourceOptions = {
  blobs: [blob, other],
  manifests: {
    v1: { bytes: Buffer.from('of the registry') },
    [descriptorOf(manifest).digest]: { bytes: manifest },
  },
};

async function seeded(paths: readonly string[], options: FakeSourceOptions = REGISTRY) {
  const primary = createFakeSource(options);
  const notes: string[] = [];
  const seeds = await openSeeds(paths.map(parseSeed), { signal });
  const source = withSeeds(primary, seeds, ({ kind, message }) => notes.push(`${kind}: ${message}`));
  const read = async (bytes: Uint8Array) => {
    const range = { start: 2, end: 6 };
    const body = await source.openBlob(descriptorOf(bytes), range, signal);
    expect(body.range).toEqual(range);
    return Buffer.concat(await Array.fromAsync(body.chunks)).toString();
  };
  return { primary, source, notes, read };
}

describe('a source with seeds', () => {
  it('takes blobs, configs and manifests by digest from a seed that has them, and the rest from the registry', async () => {
    const { primary, source, read } = await seeded([writeSeed()]);
    expect(await read(blob)).toBe('blob');
    expect(Buffer.from(await source.smallBlob(descriptor, 100))).toEqual(blob);
    const { digest } = descriptorOf(manifest);
    expect(Buffer.from((await source.manifest(digest)).bytes)).toEqual(manifest);
    expect([primary.log, primary.asked]).toEqual([[], []]);
    expect(await read(other)).toBe('blob');
    expect(primary.log.length).toBe(1);
    expect(source.requests).toBe(1);
  });

  it('locates what a seed holds, and nothing else', async () => {
    const path = writeSeed();
    const { source } = await seeded([path]);
    expect(source.locate?.(descriptor)).toMatchObject({ path: join(path, `blobs/sha256/${sha256(blob)}`) });
    expect(source.locate?.(descriptorOf(other))).toBeUndefined();
  });

  it.each<[what: string, named: Named, taken: boolean]>([
    ['names the whole reference', { name: 'example.com/app:v1' }, true],
    ['names the whole reference as its tag', { ref: 'example.com/app:v1' }, true],
    ['names the tag alone', { ref: 'v1' }, false],
    ['names another tag', { name: 'example.com/app:v2' }, false],
    ['names another repository', { name: 'example.com/other:v1' }, false],
    ['names nothing', {}, false],
  ])('asks the registry for a tag unless a seed has it: one that %s', async (_, named, taken) => {
    const { primary, source, notes } = await seeded([writeSeed(named)]);
    const { bytes } = await source.manifest('v1');
    expect(Buffer.from(bytes)).toEqual(taken ? manifest : Buffer.from('of the registry'));
    expect(primary.asked.length).toBe(taken ? 0 : 1);
    expect(notes).toEqual(taken ? [expect.stringContaining('warning: the tag example.com/app:v1')] : []);
  });

  it('takes no other tag from a seed than the one it was named with', async () => {
    const path = writeSeed({ ref: 'v1', name: 'example.com/app:v1' });
    expect((await (await seeded([`oci:${path}:v1`])).source.manifest('v1')).bytes.length).toBe(
      manifest.length,
    );
    await rejected('LAYOUT_INVALID', openSeeds([parseSeed(`oci:${path}:v2`)], { signal }));
  });

  it('asks the seeds in turn', async () => {
    const [first, second] = [writeSeed({}, [manifest]), writeSeed({}, [blob, manifest])];
    const { source } = await seeded([first, second]);
    expect(source.locate?.(descriptor)?.path.startsWith(second)).toBe(true);
  });

  it('takes an archive for what it holds', async () => {
    const [oci, docker] = [join(temporary(), 'oci.tar'), join(temporary(), 'docker.tar')];
    writeFileSync(
      oci,
      toTar({ 'index.json': json({ manifests: [] }), [`blobs/sha256/${sha256(blob)}`]: blob }),
    );
    writeFileSync(docker, toTar({ 'manifest.json': json([]), [`${sha256(other)}.tar.gz`]: other }));
    const { source } = await seeded([oci, docker]);
    expect(source.locate?.(descriptor)).toMatchObject({ path: oci });
    expect(source.locate?.(descriptorOf(other))).toMatchObject({ path: docker });
  });

  it('passes over content of a seed that is not what its name says, once in words', async () => {
    const path = writeSeed({ name: 'example.com/app:v1' });
    for (const bytes of [blob, manifest])
      writeFileSync(join(path, `blobs/sha256/${sha256(bytes)}`), Buffer.alloc(bytes.length));
    const { primary, source, notes } = await seeded([path]);
    expect(Buffer.from(await source.smallBlob(descriptor, 100))).toEqual(blob);
    expect(Buffer.from(await source.smallBlob(descriptor, 100))).toEqual(blob);
    expect(Buffer.from((await source.manifest('v1')).bytes).toString()).toBe('of the registry');
    expect(primary.asked.length).toBe(1);
    expect(notes.filter((note) => note.startsWith('warning: ')).length).toBe(2);
    expect(notes[0]).toContain(path);
  });

  it('passes over a blob of another size', async () => {
    const path = writeSeed();
    writeFileSync(join(path, `blobs/sha256/${sha256(blob)}`), 'short');
    const { source, primary, notes, read } = await seeded([path]);
    expect(source.locate?.(descriptor)).toBeUndefined();
    expect(await read(blob)).toBe('blob');
    expect(primary.log.length).toBe(1);
    expect(notes.length).toBe(1);
  });

  it('takes no blob from a seed again that turned out wrong, and nothing after two of them', async () => {
    const blobs = ['1', '2', '3'].map((text) => Buffer.from(text));
    const { source } = await seeded([writeSeed({}, blobs)]);
    const [one, two, three] = blobs.map((bytes) => descriptorOf(bytes));
    if (!one || !two || !three) throw new Error('no blobs');
    source.locate?.(one);
    expect(source.distrust?.(one.digest)).toBe(true);
    expect([one, two, three].map((each) => source.locate?.(each) !== undefined)).toEqual([false, true, true]);
    expect(source.distrust?.(one.digest)).toBe(false);
    expect(source.distrust?.(two.digest)).toBe(true);
    expect(source.locate?.(three)).toBeUndefined();
  });

  it('blames for damage the seed that gave the blob, and no other', async () => {
    const [first, second] = [writeSeed({}, [manifest]), writeSeed({}, [blob, manifest])];
    writeFileSync(join(first, `blobs/sha256/${sha256(blob)}`), 'short');
    const third = writeSeed();
    const { source } = await seeded([first, second, third]);
    expect(source.locate?.(descriptor)?.path.startsWith(second)).toBe(true);
    expect(source.distrust?.(descriptor.digest)).toBe(true);
    expect(source.locate?.(descriptor)?.path.startsWith(third)).toBe(true);
    expect(source.distrust?.(descriptor.digest)).toBe(true);
    expect(source.locate?.(descriptor)).toBeUndefined();
  });

  it('blames the registry for what came from there, though a seed has a file of that name', async () => {
    const path = writeSeed();
    writeFileSync(join(path, `blobs/sha256/${sha256(blob)}`), 'short');
    const blamed: string[] = [];
    const primary = Object.assign(createFakeSource(REGISTRY), {
      distrust: (digest: string) => blamed.push(digest) > 0,
    });
    const source = withSeeds(primary, await openSeeds([parseSeed(path)], { signal }));
    await source.openBlob(descriptor, { start: 0, end: 4 }, signal);
    expect(source.distrust?.(descriptor.digest)).toBe(true);
    expect(blamed).toEqual([descriptor.digest]);
  });

  const tar = toTar({ file: Buffer.from('content') });
  const diffId = descriptorOf(tar).digest;
  const config = json({ os: 'linux', architecture: 'amd64', rootfs: { type: 'layers', diff_ids: [diffId] } });

  /** As old Docker writes it, under the reference that the tests ask for. */
  function writeArchive(name = 'id/layer.tar', Config = `${sha256(config)}.json`): string {
    const path = join(temporary(), 'image.tar');
    const items = [{ Config, RepoTags: ['example.com/app:v1'], Layers: [name] }];
    writeFileSync(path, toTar({ [name]: tar, [Config]: config, 'manifest.json': json(items) }));
    return path;
  }

  it('takes a layer from its uncompressed tar stream, where its diff_id is known', async () => {
    const path = writeArchive();
    const { source } = await seeded([path]);
    expect(source.locate?.(descriptor, diffId)).toMatchObject({ path, digest: diffId, size: tar.length });
    expect(source.locate?.(descriptor)).toBeUndefined();
    expect(source.distrust?.(diffId)).toBe(true);
    expect(source.locate?.(descriptor, diffId)).toBeUndefined();
  });

  it('prefers the blob itself to its tar stream, whichever seed has it', async () => {
    const layout = writeSeed();
    const { source } = await seeded([writeArchive(), layout]);
    expect(source.locate?.(descriptor, diffId)).toMatchObject({ digest: descriptor.digest });
  });

  it('tells of a seed that spared nothing, and why', async () => {
    const [useful, useless] = [writeArchive(), writeSeed()];
    const { source } = await seeded([useful, useless]);
    expect(source.locate?.(descriptorOf(other), diffId)).toBeDefined();
    expect(source.remarks?.()).toEqual([
      { kind: 'info', message: `the seed ${useless} spared nothing: it has no layer of this image` },
    ]);
  });

  it('tells of layers in it that are known by no digest', async () => {
    const path = join(temporary(), 'image.tar');
    const items = [{ Config: 'c.json', RepoTags: null, Layers: ['id/layer.tar'] }];
    const files = { 'id/layer.tar': gzipSync(tar), 'c.json': config, 'manifest.json': json(items) };
    writeFileSync(path, toTar(files));
    const { source } = await seeded([path]);
    expect(source.locate?.(descriptor, diffId)).toBeUndefined();
    expect(source.remarks?.()).toEqual([
      {
        kind: 'info',
        message: expect.stringMatching(/as far as can be told; 1 of its layers are compressed and not named/),
      },
    ]);
  });

  it('goes on with the other images of an archive where one is broken, and says so', async () => {
    const path = writeArchive('id/layer.tar', `${'0'.repeat(64)}.json`);
    const notes: string[] = [];
    const emit = ({ kind, message }: { kind: string; message: string }) => notes.push(`${kind}: ${message}`);
    const seeds = await openSeeds([parseSeed(path), parseSeed(writeArchive())], { signal, emit });
    expect(notes.length).toBe(1);
    expect(notes[0]).toMatch(/^warning: .*is of no use: the config .* hashes to /);
    expect(withSeeds(createFakeSource(), seeds).locate?.(descriptor, diffId)).toBeDefined();
  });

  it('asks the registry for a tag whose manifest a seed would have to make up', async () => {
    const { primary, source, notes } = await seeded([writeArchive()]);
    expect(Buffer.from((await source.manifest('v1')).bytes).toString()).toBe('of the registry');
    expect([primary.asked.length, notes]).toEqual([1, []]);
  });

  const unreachable = new HttpError('REGISTRY_UNAVAILABLE', 'nobody is there', {
    retry: 'unreachable',
    origin: 'https://example.com',
  });

  it.each<[what: string, error: PullError, path: string, notes: number]>([
    ['makes a manifest up where the registry cannot be reached', unreachable, writeArchive(), 1],
    [
      'makes none up where the registry refuses',
      new PullError('NOT_FOUND', 'no such tag'),
      writeArchive(),
      0,
    ],
    ['makes none up for another tag', unreachable, writeSeed(), 0],
  ])('%s, and says so', async (_, error, path, count) => {
    const notes: string[] = [];
    const manifestOf = async () => Promise.reject(error);
    const primary = Object.assign(createFakeSource(REGISTRY), { manifest: manifestOf });
    const seeds = await openSeeds([parseSeed(path)], { signal });
    const source = withSeeds(primary, seeds, ({ kind, message }) => notes.push(`${kind}: ${message}`));
    const answer = await source.manifest('v1').catch((failure: unknown) => failure);
    expect(notes.length).toBe(count);
    if (count === 0) return expect(answer).toBe(error);
    const { bytes, digest } = answer as RawManifest;
    expect(JSON.parse(Buffer.from(bytes).toString())).toMatchObject({ layers: [{ digest: diffId }] });
    expect(notes[0]).toContain(`${digest} is not the digest that the registry knows`);
  });

  it('cannot be opened where a seed is absent', async () => {
    await rejected('LAYOUT_INVALID', openSeeds([parseSeed(join(temporary(), 'none'))], { signal }));
  });

  it('is the registry alone where there are no seeds', async () => {
    const primary = createFakeSource(REGISTRY);
    expect(withSeeds(primary, await openSeeds([], { signal }))).toBe(primary);
  });
});

describe('what is wrong with a seed', () => {
  it('is said to be about a seed', async () => {
    const missing = openSeeds([parseSeed('oci:/not/there')], { signal });
    expect((await rejected('LAYOUT_INVALID', missing)).message).toMatch(
      /^`seed`: .*not\/there does not exist$/,
    );
    const unnamed = openSeeds([parseSeed(`oci:${writeSeed({ ref: 'v1' })}:v2`)], { signal });
    expect((await rejected('LAYOUT_INVALID', unnamed)).message).toMatch(/^`seed`: .* holds no image /);
    for (const text of ['oci:', 'docker-archive:x:UPPER', 'docker://x'])
      expect(() => parseSeed(text)).toThrow(/^`seed`: /);
  });
});
