import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parseDigest } from '../../src/oci/digest.ts';
import { parseSeed } from '../../src/oci/image-name.ts';
import { parseManifest } from '../../src/oci/manifest.ts';
import { selectManifest } from '../../src/oci/select-manifest.ts';
import { openLocalSource } from '../../src/source/local-source.ts';
import { json, sha256, writeFiles } from '../support/local-images.ts';
import { rejected, thrown } from '../support/pull-error.ts';
import { temporaryDirectories } from '../support/temporary.ts';

const temporary = temporaryDirectories();
const { signal } = new AbortController();
const MANIFEST = 'application/vnd.oci.image.manifest.v1+json';
const INDEX = 'application/vnd.oci.image.index.v1+json';
const REF = 'org.opencontainers.image.ref.name';
const NAME = 'io.containerd.image.name';
const AMD64 = { os: 'linux', architecture: 'amd64' };
const ARM64 = { os: 'linux', architecture: 'arm64' };
const UNKNOWN = { os: 'unknown', architecture: 'unknown' };

interface Listed {
  readonly text: string;
  readonly annotations?: Record<string, string>;
  readonly platform?: object;
  readonly mediaType?: string;
}

/** A manifest is any JSON here: the layout's own business ends with its digest. */
const bytesOf = ({ text }: Pick<Listed, 'text'>) => json({ text });
const digestOf = (text: string) => parseDigest(`sha256:${sha256(bytesOf({ text }))}`, text);

function describeEntry({ text, annotations = {}, platform, mediaType = MANIFEST }: Listed) {
  const bytes = bytesOf({ text });
  return { mediaType, digest: digestOf(text), size: bytes.length, annotations, platform };
}

function writeLayout(entries: readonly Listed[], more: Record<string, Uint8Array> = {}): string {
  const blobs = entries.map((entry) => [`blobs/sha256/${digestOf(entry.text).slice(7)}`, bytesOf(entry)]);
  return writeFiles(temporary(), {
    'oci-layout': json({ imageLayoutVersion: '1.0.0' }),
    'index.json': json({ schemaVersion: 2, manifests: entries.map(describeEntry) }),
    ...Object.fromEntries(blobs),
    ...more,
  });
}

const open = (path: string, rest = '') => openLocalSource(parseSeed(`oci:${path}${rest}`), { signal });

async function pick(entries: readonly Listed[], rest = ''): Promise<string> {
  const source = await open(writeLayout(entries), rest);
  const { bytes, digest } = await source.manifest('');
  expect(digest).toBe(`sha256:${sha256(bytes)}`);
  return JSON.parse(Buffer.from(bytes).toString()).text;
}

const tagged = (text: string, ref: string, name?: string): Listed => ({
  text,
  annotations: { [REF]: ref, ...(name ? { [NAME]: name } : {}) },
});

describe('the layout of an image', () => {
  it.each<[what: string, entries: readonly Listed[], rest: string, picked: string]>([
    ['the only image', [{ text: 'a' }], '', 'a'],
    ['the only one, whatever its name', [tagged('a', 'v1')], '', 'a'],
    ['the one of a tag', [tagged('a', 'v1'), tagged('b', 'v2')], ':v2', 'b'],
    [
      'the one of a whole reference',
      [tagged('a', 'v1', 'docker.io/o/a:v1'), tagged('b', 'v1', 'docker.io/o/b:v1')],
      ':o/b:v1',
      'b',
    ],
    ['the one of a digest', [tagged('a', 'v1'), tagged('b', 'v2')], `@${digestOf('b')}`, 'b'],
    ['the one of a place', [tagged('a', 'v1'), tagged('b', 'v2')], ':@1', 'b'],
    ['one that is listed twice', [tagged('a', 'v1'), tagged('a', 'latest')], '', 'a'],
    [
      'one beside its attestation',
      [
        { text: 'a', platform: AMD64 },
        { text: 'b', platform: UNKNOWN },
      ],
      '',
      'a',
    ],
    [
      'one beside something that is no image',
      [{ text: 'a' }, { text: 'b', mediaType: 'text/plain' }],
      '',
      'a',
    ],
  ])('gives %s', async (_, entries, rest, picked) => {
    expect(await pick(entries, rest)).toBe(picked);
  });

  it.each([[{}], [{ [REF]: 'v1' }]])(
    'with a manifest for each platform is an index (%j)',
    async (annotations) => {
      const entries = [
        { text: 'a', platform: AMD64, annotations },
        { text: 'b', platform: { ...ARM64, variant: 'v8', 'os.version': '1' }, annotations },
        { text: 'c', platform: UNKNOWN, annotations },
      ];
      const source = await open(writeLayout(entries), REF in annotations ? ':v1' : '');
      const { bytes, mediaType, digest } = await source.manifest('');
      expect(digest).toBe(`sha256:${sha256(bytes)}`);
      const index = parseManifest(bytes, mediaType);
      if (index.kind !== 'index') throw new Error('no index');
      expect(index.manifests.length).toBe(2);
      const chosen = selectManifest(index.manifests, ARM64);
      expect(chosen).toMatchObject({ digest: digestOf('b'), platform: { osVersion: '1' } });
      expect(Buffer.from((await source.manifest(chosen.digest, chosen)).bytes)).toEqual(
        bytesOf({ text: 'b' }),
      );
    },
  );

  it('keeps the media type that the index gives', async () => {
    const source = await open(writeLayout([{ text: 'a', mediaType: INDEX }]));
    expect(await source.manifest('')).toMatchObject({ mediaType: INDEX, digest: digestOf('a') });
    expect(await source.manifest(digestOf('a'))).toMatchObject({ mediaType: INDEX });
  });

  it.each<[what: string, entries: readonly Listed[], rest: string, says: string]>([
    ['of several without a name', [tagged('a', 'v1'), tagged('b', 'v2')], '', '"v1", "v2"'],
    [
      'of several for one platform',
      [
        { text: 'a', platform: AMD64 },
        { text: 'b', platform: AMD64 },
      ],
      '',
      'several',
    ],
    [
      'of several that share a tag',
      [tagged('a', 'v1', 'o/a:v1'), tagged('b', 'v1', 'o/b:v1')],
      ':v1',
      'several',
    ],
    ['of an unknown tag', [tagged('a', 'v1')], ':v3', 'no image "v3", only "v1"'],
    ['of a place behind the last', [tagged('a', 'v1')], ':@1', 'no image "@1"'],
    ['of none', [], '', 'holds no image'],
    ['of an unknown digest', [tagged('a', 'v1')], `@${digestOf('z')}`, digestOf('z')],
  ])('refuses the choice %s', async (_, entries, rest, says) => {
    const source = await open(writeLayout(entries), rest);
    expect((await rejected('LAYOUT_INVALID', source.manifest(''))).message).toContain(says);
  });

  it.each<[what: string, files: Record<string, Uint8Array>, says: string]>([
    ['no index.json', { 'oci-layout': json({ imageLayoutVersion: '1.0.0' }) }, 'index.json'],
    ['an index.json that is none', { 'index.json': Buffer.from('{') }, 'not valid JSON'],
    ['an index.json without digests', { 'index.json': json({ manifests: [{}] }) }, 'mediaType'],
    [
      'another version',
      { 'oci-layout': json({ imageLayoutVersion: '2.0.0' }), 'index.json': json({}) },
      '"2.0.0"',
    ],
  ])('is refused with %s', async (_, files, says) => {
    const error = await rejected('LAYOUT_INVALID', open(writeFiles(temporary(), files)));
    expect(error.message).toContain(says);
  });

  it('may lack its marker, as other tools allow', async () => {
    const path = writeFiles(temporary(), { 'index.json': json({ manifests: [] }) });
    await rejected('LAYOUT_INVALID', (await open(path)).manifest(''));
  });

  it('is refused where the index is too large', async () => {
    const path = writeFiles(temporary(), { 'index.json': Buffer.alloc((4 << 20) + 1, ' ') });
    await rejected('LIMIT_EXCEEDED', open(path));
  });

  it('is told from an archive and from nothing, and the hint says what to write', async () => {
    const directory = temporary();
    writeFileSync(join(directory, 'x.tar'), '');
    const archive = await rejected('LAYOUT_INVALID', open(join(directory, 'x.tar')));
    expect(archive.hint).toContain(`oci-archive:${directory}`);
    const image = parseSeed(`oci-archive:${directory}`);
    const other = await rejected('LAYOUT_INVALID', openLocalSource(image, { signal }));
    expect(other.hint).toContain(`oci:${directory}`);
    expect((await rejected('LAYOUT_INVALID', open(join(directory, 'none')))).message).toContain(
      'does not exist',
    );
  });
});

describe('a blob of a layout', () => {
  const content = Buffer.from('content of a layer');
  const descriptor = {
    mediaType: 'application/octet-stream',
    digest: parseDigest(`sha256:${sha256(content)}`, 'blob'),
    size: content.length,
    annotations: {},
  };
  const name = `blobs/sha256/${sha256(content)}`;

  it('is located, and read in ranges', async () => {
    const path = writeLayout([], { [name]: content });
    const source = await open(path);
    expect(source.locate?.(descriptor)).toMatchObject({ path: join(path, name), offset: 0 });
    const body = await source.openBlob(descriptor, { start: 3, end: 9 }, signal);
    expect(Buffer.concat(await Array.fromAsync(body.chunks)).toString()).toBe('tent o');
    expect(Buffer.from(await source.smallBlob(descriptor, 100))).toEqual(content);
    expect(source.requests).toBe(0);
  });

  it('is refused where it is absent, or of another size', async () => {
    const absent = await open(writeLayout([]));
    expect(thrown('LAYOUT_INVALID', () => absent.locate?.(descriptor)).message).toContain(descriptor.digest);
    const short = await open(writeLayout([], { [name]: content.subarray(1) }));
    expect(thrown('LAYOUT_INVALID', () => short.locate?.(descriptor)).message).toContain(
      '17 bytes instead of 18',
    );
    await rejected('LAYOUT_INVALID', short.openBlob(descriptor, { start: 0, end: 1 }, signal));
    await rejected('SIZE_MISMATCH', short.smallBlob(descriptor, 100));
  });

  it('is not believed', async () => {
    const changed = Buffer.from(content.toString().toUpperCase());
    const source = await open(writeLayout([], { [name]: changed }));
    await rejected('DIGEST_MISMATCH', source.smallBlob(descriptor, 100));
    await rejected('DIGEST_MISMATCH', source.manifest(descriptor.digest, descriptor));
    await rejected('LIMIT_EXCEEDED', source.smallBlob(descriptor, 5));
  });

  it('may be a link inside of the layout, and none that leads out of it', async () => {
    const path = writeLayout([], { 'blobs/other': content });
    const link = join(path, name);
    mkdirSync(dirname(link), { recursive: true });
    symlinkSync('../other', link);
    expect((await open(path)).locate?.(descriptor)).toMatchObject({ path: join(path, 'blobs/other') });
    const outside = writeFiles(temporary(), { secret: content });
    const evil = writeLayout([], { 'blobs/sha256/x': content });
    symlinkSync(join(outside, 'secret'), join(evil, name));
    const source = await open(evil);
    expect(thrown('LAYOUT_INVALID', () => source.locate?.(descriptor)).message).toContain('leads out');
  });

  it('is refused where it is no file', async () => {
    const path = writeLayout([]);
    mkdirSync(join(path, name), { recursive: true });
    const source = await open(path);
    expect(thrown('LAYOUT_INVALID', () => source.locate?.(descriptor)).message).toContain('is no file');
  });

  it('is not read further once the pull is cancelled', async () => {
    const source = await open(writeLayout([], { [name]: content }));
    const cancelled = AbortSignal.abort();
    const body = await source.openBlob(descriptor, { start: 0, end: 3 }, cancelled);
    await rejected('ABORTED', Array.fromAsync(body.chunks));
  });
});
