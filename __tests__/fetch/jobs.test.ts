import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { type ReadTocJob, readToc } from '../../src/fetch/jobs.ts';
import { digestOf } from '../../src/integrity/hash.ts';
import { buildChunkedLayer } from '../support/chunked-layer.ts';
import { buildStargzLayer } from '../support/stargz-layer.ts';
import { temporaryDirectories } from '../support/temporary.ts';

const newDirectory = temporaryDirectories();
const layer = buildChunkedLayer([
  { name: 'one', body: 'first' },
  { name: 'two', body: 'second' },
]);

/** A job for a frame that lies 7 bytes into a file, with others behind it. */
function jobFor(frame: Uint8Array, more: Partial<ReadTocJob> = {}): ReadTocJob {
  const path = join(newDirectory(), 'pack');
  writeFileSync(path, Buffer.concat([Buffer.alloc(7), frame, Buffer.from('what follows')]));
  const { dataEnd } = layer;
  return { path, offset: 7, compressedSize: frame.length, digest: digestOf(frame), dataEnd, ...more };
}

const toc = layer.blob.subarray(layer.toc.start, layer.toc.end);

/** Members of an object, each with a name of its own. */
const distinct = (count: number) => Array.from({ length: count }, (_, at) => `"${at.toString(36)}":0`).join();

describe('readToc', () => {
  it('gives the chunks of a layer', async () => {
    const outcome = await readToc(jobFor(toc));
    expect(outcome).toMatchObject({ kind: 'toc', tarSplitDigest: layer.tarSplitDigest });
    expect(outcome.kind === 'toc' && [...outcome.table.sizes]).toEqual([5, 6]);
  });

  it.each<[string, ReadTocJob]>([
    ['has another digest', jobFor(toc, { digest: digestOf(Buffer.from('other')) })],
    ['is cut off', jobFor(toc, { compressedSize: toc.length + 100 })],
    ['is gone', jobFor(toc, { path: join(newDirectory(), 'nothing') })],
  ])('says corrupt of a frame that %s', async (_, job) => {
    expect(await readToc(job)).toMatchObject({ kind: 'corrupt', of: 'bytes' });
  });

  it.each<[string, Uint8Array]>([
    ['that is no zstd', Buffer.from('not zstd')],
    ['of two frames', Buffer.concat([toc, toc])],
    ['that is no JSON', zstdCompressSync(Buffer.from('{'))],
    [
      'that would make millions of objects',
      zstdCompressSync(Buffer.from(`{"version":1,"entries":[${'{},'.repeat(2_000_001)}{}]}`)),
    ],
    ['that would make millions of lists', zstdCompressSync(Buffer.from(`[${'[],'.repeat(2_000_001)}[]]`))],
    ['that would make millions of numbers', zstdCompressSync(Buffer.from(`[${'1,'.repeat(24_000_001)}1]`))],
    [
      'with an object of millions of members',
      zstdCompressSync(Buffer.from(`{"version":1,"entries":[],"x":{${distinct(2_000_000)}}}`)),
    ],
    ['that is larger than any TOC', zstdCompressSync(Buffer.alloc((256 << 20) + 1, ' '))],
  ])('says unusable of a frame %s', async (_, frame) => {
    expect(await readToc(jobFor(frame))).toMatchObject({ kind: 'unusable' });
  });

  it('reads the TOC of an eStargz layer, and checks the digest of its JSON', async () => {
    const items = [
      { name: 'big', body: 'content '.repeat(100) },
      { name: 'small', body: 'small' },
    ];
    const { blob, dataEnd, tocText, descriptor } = buildStargzLayer(items, { chunkSize: 300 });
    const job = {
      ...jobFor(blob.subarray(dataEnd)),
      compression: 'gzip',
      dataEnd,
      jsonDigest: digestOf(Buffer.from(tocText)),
      stream: { layer: descriptor.digest, end: blob.length },
    } as const;
    const outcome = await readToc(job);
    expect(outcome).toMatchObject({ kind: 'toc', pieces: { gaps: Uint8Array.of(1, 0, 0, 1, 1) } });
    expect(outcome.kind === 'toc' && outcome.table.innerOffsets).toEqual(Float64Array.of(0, 0, 0, 0));
    const wrong = await readToc({ ...job, jsonDigest: digestOf(Buffer.from('other')) });
    expect(wrong).toMatchObject({
      kind: 'corrupt',
      of: 'json',
      reason: expect.stringMatching(/^its TOC hashes to/),
    });
  });

  it.each<[string, Uint8Array]>([
    ['no gzip', Buffer.from('not gzip')],
    ['no archive', gzipSync('not tar')],
    ['larger than any TOC', gzipSync(Buffer.alloc((257 << 20) + 1), { level: 1 })],
  ])(
    'says unusable of a member that is %s, and corrupt where it has no digest of its own',
    async (_, member) => {
      const job = { ...jobFor(member), compression: 'gzip' } as const;
      expect(await readToc(job)).toMatchObject({ kind: 'unusable' });
      expect(await readToc({ ...job, digest: undefined })).toMatchObject({ kind: 'corrupt' });
    },
  );

  it('checks the tar-split beside it by the name that the TOC gives it, or the manifest', async () => {
    const where = { offset: 0, compressedSize: 7 };
    const wrong = await readToc(jobFor(toc, { tarSplit: { ...where, digest: undefined } }));
    expect(wrong).toMatchObject({ kind: 'unusable', reason: 'its tar-split does not match its digest' });
    const unnamed = buildChunkedLayer([{ name: 'one', body: 'first' }], { generation: 'annotation' });
    const frame = unnamed.blob.subarray(unnamed.toc.start, unnamed.toc.end);
    const { dataEnd } = unnamed;
    const right = jobFor(frame, { dataEnd, tarSplit: { ...where, digest: digestOf(Buffer.alloc(7)) } });
    expect(await readToc(right)).toMatchObject({ kind: 'toc' });
    expect(await readToc({ ...right, tarSplit: { ...where, digest: digestOf(frame) } })).toMatchObject({
      kind: 'unusable',
    });
    const unreadable = { offset: 1e9, compressedSize: 7, digest: digestOf(frame) };
    expect(await readToc({ ...right, tarSplit: unreadable })).toEqual({
      kind: 'unusable',
      reason: 'its tar-split cannot be read',
    });
  });
});
