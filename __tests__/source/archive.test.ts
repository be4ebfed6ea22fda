import { randomBytes } from 'node:crypto';
import { readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import fc from 'fast-check';
import { create } from 'tar';
import { describe, expect, it } from 'vitest';
import { openArchive } from '../../src/source/archive.ts';
import { hashFiles, type UnpackArchiveJob, unpackArchive } from '../../src/source/archive-jobs.ts';
import { readPiece } from '../../src/source/local-file.ts';
import { toTar, writeFiles } from '../support/local-images.ts';
import { rejected, thrown } from '../support/pull-error.ts';
import { END, type TarItem, tarEntry } from '../support/tar-builder.ts';
import { temporaryDirectories } from '../support/temporary.ts';

const temporary = temporaryDirectories();
const { signal } = new AbortController();

function write(...parts: readonly Uint8Array[]): string {
  const path = join(temporary(), 'archive.tar');
  writeFileSync(path, Buffer.concat(parts));
  return path;
}

const open = (path: string) => openArchive(path, { signal, temporaryDirectory: temporary() });
const openItems = (...items: readonly TarItem[]) => open(write(...items.map(tarEntry), END));

async function read(tree: Awaited<ReturnType<typeof open>>, name: string): Promise<string | undefined> {
  const file = tree.find(name);
  return file && (await readPiece(file, { start: 0, end: file.size })).toString();
}

describe('an archive', () => {
  it('is read where it lies', async () => {
    const path = write(toTar({ a: Buffer.from('first'), 'b/c': Buffer.from('second') }));
    const tree = await open(path);
    const file = tree.find('b/c');
    expect(file).toEqual({ path, offset: 512 * 3, size: 6 });
    expect(readFileSync(path).subarray(file?.offset).toString('latin1', 0, 6)).toBe('second');
    expect(tree.find('b')).toBeUndefined();
    expect(tree.find('missing')).toBeUndefined();
  });

  it('may write names with a dot in front, with pax records or as GNU does', async () => {
    const long = `${'directory/'.repeat(30)}file`;
    const root = writeFiles(temporary(), { [long]: Buffer.from('deep'), 'b.json': Buffer.from('{}') });
    const file = join(temporary(), 'x.tar');
    await create({ cwd: root, file }, ['.']);
    const pax = await open(file);
    expect(await read(pax, long)).toBe('deep');
    expect(await read(pax, 'b.json')).toBe('{}');
    const name = Buffer.from(`${long}\0`);
    const gnu = await openItems(
      { name: '././@LongLink', type: 'L', body: name, magic: 'gnu' },
      { name: 'x', body: 'gnu' },
    );
    expect(await read(gnu, long)).toBe('gnu');
  });

  it('takes the last of two members of one name', async () => {
    const tree = await openItems({ name: 'a', body: 'old' }, { name: './a', body: 'new' });
    expect(await read(tree, 'a')).toBe('new');
    const gone = await openItems({ name: 'a', body: 'old' }, { name: 'a', type: '5' });
    expect(gone.find('a')).toBeUndefined();
  });

  it('follows links inside of itself', async () => {
    const tree = await openItems(
      { name: 'layer.tar', body: 'layer' },
      { name: 'id/layer.tar', type: '2', linkName: '../layer.tar' },
      { name: 'id2/layer.tar', type: '1', linkName: 'id/layer.tar' },
    );
    expect(await read(tree, 'id/layer.tar')).toBe('layer');
    expect(await read(tree, 'id2/layer.tar')).toBe('layer');
  });

  it.each(['/etc/passwd', '../../../etc/passwd', '../etc/passwd', 'nothing'])(
    'follows no link to %s',
    async (linkName) => {
      const tree = await openItems({ name: 'etc/passwd', body: 'mine' }, { name: 'a', type: '2', linkName });
      expect(tree.find('a')).toBeUndefined();
    },
  );

  it('refuses links without an end', async () => {
    const tree = await openItems(
      { name: 'a', type: '2', linkName: 'b' },
      { name: 'b', type: '1', linkName: 'a' },
    );
    thrown('LAYOUT_INVALID', () => tree.find('a'));
  });

  it('refuses a sparse member that is asked for, and reads on behind it', async () => {
    const map: readonly [number, Uint8Array][] = [
      [386, Buffer.from(`${'0'.repeat(11)}\0${'0'.repeat(10)}5\0`)],
      [483, Buffer.from(`${'7'.repeat(11)}\0`)],
    ];
    const tree = await openItems(
      { name: 'a', type: 'S', body: 'holes', magic: 'gnu', patches: map },
      { name: 'b', body: 'b' },
    );
    expect(thrown('LAYOUT_INVALID', () => tree.find('a')).hint).toContain('--sparse');
    expect(await read(tree, 'b')).toBe('b');
  });

  it('passes over members and links with names that are too long', async () => {
    const long = Buffer.from(`${'n'.repeat(1025)}\0`);
    const tree = await openItems(
      { name: '././@LongLink', type: 'L', body: long, magic: 'gnu' },
      { name: 'x', body: 'long' },
      { name: '././@LongLink', type: 'K', body: long, magic: 'gnu' },
      { name: 'hard', type: '1' },
      { name: 'b', body: 'b' },
    );
    expect(tree.find('n'.repeat(1025))).toBeUndefined();
    expect(tree.find('hard')).toBeUndefined();
    expect(await read(tree, 'b')).toBe('b');
  });

  const body = 'x'.repeat(700);
  it.each<[what: string, bytes: Uint8Array]>([
    ['cut off inside of a member', tarEntry({ name: 'a', body }).subarray(0, 900)],
    ['cut off inside of a header', tarEntry({ name: 'a', body }).subarray(0, 300)],
    ['with a member longer than all of it', tarEntry({ name: 'a', size: 2 ** 40 })],
    ['with a global header longer than all of it', tarEntry({ name: 'a', type: 'g', size: 2 ** 40 })],
    ['with a wrong checksum', tarEntry({ name: 'a', checksum: 'wrong' })],
    ['of something else', Buffer.from('no archive at all'.repeat(100))],
    [
      'with a header about nothing',
      Buffer.concat([tarEntry({ name: 'x', type: 'x', body: '12 path=abc\n' }), END]),
    ],
  ])('is refused %s', async (_, bytes) => {
    await rejected('LAYOUT_INVALID', open(write(bytes)));
  });

  it('is refused with an extended header that is too long', async () => {
    await rejected('LIMIT_EXCEEDED', open(write(tarEntry({ name: 'a', type: 'x', size: 2 ** 21 }))));
  });

  it('may be named by a symbolic link', async () => {
    const path = write(toTar({ a: Buffer.from('a') }));
    const link = join(temporary(), 'link.tar');
    symlinkSync(path, link);
    const tree = await open(link);
    expect(tree.find('a')).toMatchObject({ path });
    expect(tree.path).toBe(link);
  });

  it('never gives bytes of outside of itself, whatever its headers say', async () => {
    const archive = toTar({ a: Buffer.from('first'), b: Buffer.from('second'), c: 'a' });
    await fc.assert(
      fc.asyncProperty(fc.nat(archive.length - 1), fc.integer({ min: 0, max: 255 }), async (at, byte) => {
        const bytes = Buffer.from(archive);
        bytes[at] = byte;
        const tree = await open(write(bytes)).catch((error: { code: string }) => {
          expect(['LAYOUT_INVALID', 'LIMIT_EXCEEDED']).toContain(error.code);
        });
        for (const name of tree ? ['a', 'b', 'c'] : []) {
          const file = tree?.find(name);
          if (file) expect(file.offset + file.size).toBeLessThanOrEqual(bytes.length);
        }
      }),
      { numRuns: 200 },
    );
  });
});

describe('an archive that is compressed as a whole', () => {
  it.each([
    ['gzip', gzipSync],
    ['zstd', zstdCompressSync],
  ])('with %s is unpacked to a file that closing removes', async (_, compress) => {
    const path = write(compress(toTar({ a: Buffer.from('content') })));
    const temporaryDirectory = temporary();
    const tree = await openArchive(path, { signal, temporaryDirectory });
    expect(await read(tree, 'a')).toBe('content');
    expect(tree.path).toBe(path);
    expect(readdirSync(temporaryDirectory).length).toBe(1);
    await tree.close();
    expect(readdirSync(temporaryDirectory)).toEqual([]);
  });

  it.each<[what: string, bytes: Uint8Array, says: string]>([
    ['broken', gzipSync(toTar({ a: Buffer.alloc(5000, 'ab') })).subarray(0, 50), 'cannot be decompressed'],
    ['no archive inside', gzipSync('nothing of the kind'.repeat(100)), 'no usable tar archive'],
    ['compressed with xz', Buffer.from('\xfd7zXZ\0\0\x04', 'latin1'), 'xz'],
    ['compressed with bzip2', Buffer.from('BZh91AY&SY', 'latin1'), 'bzip2'],
  ])('is refused and leaves nothing where it is %s', async (_, bytes, says) => {
    const temporaryDirectory = temporary();
    const opened = openArchive(write(bytes), { signal, temporaryDirectory });
    expect((await rejected('LAYOUT_INVALID', opened)).message).toContain(says);
    expect(readdirSync(temporaryDirectory)).toEqual([]);
  });

  it('that is large is announced, and given to whoever does the work', async () => {
    const [notes, jobs]: [string[], string[]] = [[], []];
    const path = write(gzipSync(toTar({ a: randomBytes(65 << 20) }), { level: 0 }));
    const work = {
      hashFiles,
      unpackArchive: (job: UnpackArchiveJob) => {
        jobs.push(job.name);
        return unpackArchive(structuredClone(job));
      },
    };
    const context = { signal, temporaryDirectory: temporary(), work };
    const emit = ({ kind, message }: { kind: string; message: string }) => notes.push(`${kind}: ${message}`);
    const tree = await openArchive(path, { ...context, emit });
    expect(tree.find('a')?.size).toBe(65 << 20);
    expect([jobs, notes]).toEqual([
      [path],
      [`info: unpacking ${path}, which is compressed as a whole (65 MiB)…`],
    ]);
  });

  it('leaves nothing behind when the pull is cancelled', async () => {
    const temporaryDirectory = temporary();
    const path = write(gzipSync(toTar({ a: Buffer.from('content') })));
    await rejected('ABORTED', openArchive(path, { signal: AbortSignal.abort(), temporaryDirectory }));
    expect(readdirSync(temporaryDirectory)).toEqual([]);
  });
});
