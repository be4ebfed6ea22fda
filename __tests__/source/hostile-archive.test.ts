import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import type { Digest } from '../../src/oci/digest.ts';
import { parseSeed } from '../../src/oci/image-name.ts';
import { parseManifest } from '../../src/oci/manifest.ts';
import { hashFiles, unpackArchive } from '../../src/source/archive-jobs.ts';
import { fileAt, realPath } from '../../src/source/file-tree.ts';
import type { LocalContext } from '../../src/source/local-context.ts';
import type { FileAt } from '../../src/source/local-file.ts';
import { type LocalEntry, pickImage } from '../../src/source/local-images.ts';
import { openLocalSource } from '../../src/source/local-source.ts';
import { memberDigests } from '../../src/source/member-digests.ts';
import { type Files, json, sha256, toTar } from '../support/local-images.ts';
import { rejected } from '../support/pull-error.ts';
import { temporaryDirectories } from '../support/temporary.ts';

const temporary = temporaryDirectories();

const LAYER = toTar({ file: Buffer.from('content') });
const DIFF_ID = `sha256:${sha256(LAYER)}`;
const GZIP = gzipSync(LAYER);
const OTHER = gzipSync(toTar({ other: Buffer.from('more content') }));

/** Does the work, and keeps what was hashed. */
function recorder(): { context: LocalContext; hashed: FileAt[] } {
  const hashed: FileAt[] = [];
  const { signal } = new AbortController();
  const work: LocalContext['work'] = {
    unpackArchive,
    hashFiles: (job, each) => {
      hashed.push(...job.files);
      return hashFiles(job, each);
    },
  };
  return { context: { signal, work }, hashed };
}

interface Listed {
  readonly Config: string;
  readonly RepoTags?: readonly string[];
  readonly Layers: readonly string[];
}

function open(images: readonly Listed[], files: Files, context = recorder().context, rest = '') {
  const path = join(temporary(), 'image.tar');
  writeFileSync(path, toTar({ ...files, 'manifest.json': json(images) }));
  return openLocalSource(parseSeed(`docker-archive:${path}${rest}`), context);
}

function config(architecture: string, layers = 1): Buffer {
  const diffIds = Array.from({ length: layers }, () => DIFF_ID);
  return json({ os: 'linux', architecture, rootfs: { type: 'layers', diff_ids: diffIds } });
}

describe('an archive of docker save that lists the same again and again', () => {
  it('has each member hashed once, under whatever names it is listed', async () => {
    const { context, hashed } = recorder();
    const files = { 'x.gz': GZIP, link: 'x.gz', 'a.json': config('amd64', 4), 'b.json': config('arm64', 4) };
    const Layers = ['x.gz', 'link', './x.gz', 'x.gz'];
    const images = [
      { Config: 'a.json', Layers },
      { Config: 'b.json', Layers },
    ];
    const source = await open(images, files, context);
    const { bytes, mediaType } = await source.manifest('');
    const index = parseManifest(bytes, mediaType);
    expect(index).toMatchObject({ kind: 'index', manifests: [{}, {}] });
    expect(hashed).toMatchObject([{ size: GZIP.length }]);
    for (const entry of index.kind === 'index' ? index.manifests : []) {
      const raw = await source.manifest(entry.digest, entry);
      const digests = Array.from({ length: 4 }, () => ({ digest: `sha256:${sha256(GZIP)}` }));
      expect(parseManifest(raw.bytes, raw.mediaType)).toMatchObject({ layers: digests });
    }
  });

  it('holds one image where its names lead to one config', async () => {
    const files = { 'x.gz': GZIP, 'c.json': config('amd64'), 'link.json': 'c.json' };
    const names = ['c.json', './c.json', '//c.json', 'link.json'];
    const images = names.map((Config, index) => ({ Config, RepoTags: [`app:v${index}`], Layers: ['x.gz'] }));
    const { bytes, mediaType } = await (await open(images, files)).manifest('');
    expect(parseManifest(bytes, mediaType)).toMatchObject({
      kind: 'image',
      config: { digest: `sha256:${sha256(config('amd64'))}` },
    });
    const named = await (await open(images, files, undefined, ':app:v3')).manifest('');
    expect(Buffer.from(named.bytes)).toEqual(Buffer.from(bytes));
  });

  it('is read no further once two images cannot be told apart', async () => {
    const { context, hashed } = recorder();
    const files = { 'x.gz': GZIP, 'y.gz': OTHER, 'a.json': config('amd64'), 'b.json': config('amd64', 1) };
    const images = [
      { Config: 'a.json', Layers: ['x.gz'] },
      { Config: 'b.json', Layers: ['x.gz'] },
      { Config: 'c.json', Layers: ['y.gz'] },
    ];
    const source = await open(images, { ...files, 'c.json': config('arm64') }, context);
    expect((await rejected('LAYOUT_INVALID', source.manifest(''))).message).toContain('several images');
    expect(hashed).toMatchObject([{ size: GZIP.length }]);
  });

  it('has nothing hashed where the names alone leave a doubt', async () => {
    const { context, hashed } = recorder();
    const files = { 'x.gz': GZIP, 'a.json': config('amd64'), 'b.json': config('arm64') };
    const images = [
      { Config: 'a.json', RepoTags: ['app:v1', 'app:v2'], Layers: ['x.gz'] },
      { Config: 'b.json', RepoTags: ['app:v3'], Layers: ['x.gz'] },
    ];
    await rejected('LAYOUT_INVALID', (await open(images, files, context)).manifest(''));
    expect(hashed).toEqual([]);
  });

  it.each([
    [20_000, undefined],
    [20_001, 'LIMIT_EXCEEDED'],
  ])('with %i names is met with %s', async (count, code) => {
    const names = Array.from({ length: count }, (_, index) => `n${index}`);
    const files = { 'x.tar': LAYER, 'a.json': config('amd64'), 'b.json': config('arm64') };
    const images = [
      { Config: 'a.json', RepoTags: names.slice(1), Layers: ['x.tar'] },
      { Config: 'b.json', RepoTags: names.slice(0, 1), Layers: ['x.tar'] },
    ];
    const opened = await open(images, files).catch((error: { code: string; message: string }) => error);
    expect('code' in opened ? opened.code : undefined).toBe(code);
    if ('code' in opened) expect(opened.message).toContain('20001 names');
  });
});

describe('the digests of members', () => {
  it('are refused above the limit, counting no member twice', async () => {
    const path = join(temporary(), 'members');
    writeFileSync(path, '0123456789');
    const whole = fileAt(realPath(path));
    const part = (offset: number, size: number): FileAt => ({ ...whole, offset, size });
    const digests = memberDigests('the.tar', recorder().context, 10);
    const expected = (text: string) => `sha256:${sha256(Buffer.from(text))}` as Digest;
    expect(await digests([part(0, 4), part(4, 4), part(0, 4)])).toEqual(
      ['0123', '4567', '0123'].map(expected),
    );
    expect(await digests([part(4, 4), part(8, 2), part(0, 4)])).toEqual(['4567', '89', '0123'].map(expected));
    const error = await rejected('LIMIT_EXCEEDED', digests([part(0, 1)]));
    expect(error.message).toContain('the.tar: layers of more than 10 bytes');
  });

  it('are not there once the pull is cancelled', async () => {
    const path = join(temporary(), 'members');
    writeFileSync(path, '0123456789');
    const digests = memberDigests('the.tar', { signal: AbortSignal.abort() });
    await rejected('ABORTED', digests([fileAt(realPath(path))]));
  });
});

describe('images of which the names are compared', () => {
  const images = (...names: readonly (readonly string[])[]) => ({
    path: '/x',
    entries: names.map(
      (each, index): LocalEntry => ({
        id: `${index}`,
        names: each,
        describe: () => Promise.reject(new Error(`image ${index} was described`)),
      }),
    ),
    find: () => undefined,
    close: async () => undefined,
  });

  it.each<[names: readonly (readonly string[])[], isShared: boolean]>([
    [[['a', 'b'], ['b']], true],
    [
      [
        ['a', 'b'],
        ['b', 'c'],
        ['c', 'b'],
      ],
      true,
    ],
    [
      [
        ['a', 'b'],
        ['b', 'c'],
        ['c', 'a'],
      ],
      false,
    ],
    [[['a'], []], false],
    [[[], ['a']], false],
    [[['a', 'a'], ['b']], false],
    [[[], []], true],
  ])('%j are of one name or of none: %s', async (names, isShared) => {
    const picked = pickImage(images(...names), undefined);
    if (isShared) await expect(picked).rejects.toThrow('image 0 was described');
    else expect((await rejected('LAYOUT_INVALID', picked)).message).toContain('several images');
  });

  // For 200,000, looking for each among all others took 544 s on a busy machine, and sets take 0.5 s.
  it('may have very many of them', { timeout: 10_000 }, async () => {
    const names = Array.from({ length: 100_000 }, (_, index) => `n${index}`);
    // Texts of their own, as they come from a file.
    const again = JSON.parse(JSON.stringify(names)) as string[];
    const error = await rejected('LAYOUT_INVALID', pickImage(images(names, again, []), undefined));
    expect(error.message).toContain('several images');
  });
});
