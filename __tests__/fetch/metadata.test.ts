import { randomBytes } from 'node:crypto';
import { readFileSync, rmSync, truncateSync } from 'node:fs';
import { afterEach, describe, expect, it } from 'vitest';
import { readToc } from '../../src/fetch/jobs.ts';
import { readLayerMetadata } from '../../src/fetch/metadata.ts';
import { createTally } from '../../src/fetch/tally.ts';
import { openTocImage } from '../../src/fetch/toc-image.ts';
import type { Descriptor } from '../../src/oci/descriptor.ts';
import { type Digest, digestHex } from '../../src/oci/digest.ts';
import { digestKeyOfHex } from '../../src/oci/digest-key.ts';
import type { ImageSource } from '../../src/source/source.ts';
import type { PackEntry } from '../../src/store/pack-format.ts';
import { Staging } from '../../src/store/staging.ts';
import { ChunkStore } from '../../src/store/store.ts';
import { type BuiltChunk, buildChunkedLayer, type ChunkedLayer } from '../support/chunked-layer.ts';
import { createFakeSource, type FakeSourceOptions } from '../support/fake-source.ts';
import { rejected } from '../support/pull-error.ts';
import { seedFrame } from '../support/seed-frame.ts';
import { temporaryDirectories } from '../support/temporary.ts';

const newDirectory = temporaryDirectories();
const opened: Staging[] = [];
afterEach(async () => {
  for (const staging of opened.splice(0)) await staging.discard();
});

const files = (count: number, bytes: number) =>
  Array.from({ length: count }, (_, index) => ({ name: `file${index}`, body: randomBytes(bytes) }));
/** Too small to be worth a thought. */
const small = buildChunkedLayer(files(10, 1000));
const SHA512 = `sha512:${'a'.repeat(128)}` as Digest;
const large = buildChunkedLayer(files(10, 600_000));

/** A store that holds these chunks of a layer. */
async function seed(directory: string, chunks: readonly BuiltChunk[]): Promise<void> {
  const staging = new Staging(await ChunkStore.open(directory, true));
  const pack = await staging.pack(0);
  const entries: PackEntry[] = [];
  for (const { digest, start, end, content } of chunks) {
    await pack.write(start, [Buffer.alloc(end - start, 1)]);
    const sizes = { compressedSize: end - start, size: content.length };
    entries.push({ form: 'frame', hex: digestHex(digest), offset: start, ...sizes });
  }
  await staging.adopt(0, entries);
  await staging.seal();
}

interface Room {
  readonly chunks?: readonly BuiltChunk[];
  readonly source?: FakeSourceOptions;
  readonly descriptor?: Partial<Descriptor>;
  /** With a chunk of no image in the store; default true. */
  readonly isSeeded?: boolean;
  /** Told of the file that holds the table of contents, once it has been read. */
  readonly afterToc?: (path: string) => void;
}

async function read(
  layer: ChunkedLayer,
  { chunks = [], source, descriptor, isSeeded = true, afterToc }: Room = {},
) {
  const directory = newDirectory();
  if (isSeeded) await seedFrame(directory);
  if (chunks.length > 0) await seed(directory, chunks);
  const store = await ChunkStore.open(directory, true);
  const staging = new Staging(store);
  opened.push(staging);
  const fake = createFakeSource({ blobs: [layer.blob], ...source });
  /** Knows the blob by whatever name the descriptor gives it. */
  const openBlob: ImageSource['openBlob'] = ({ size }, range, signal) =>
    fake.openBlob({ ...layer.descriptor, size }, range, signal);
  const [tally] = createTally(1) as [ReturnType<typeof createTally>[number]];
  const again = () =>
    readLayerMetadata(
      { ...layer.descriptor, ...descriptor },
      {
        source: { ...fake, openBlob },
        store,
        staging,
        tocImage: openTocImage(fake, undefined),
        readToc: async (job) => {
          const outcome = await readToc(job);
          afterToc?.(job.path);
          return outcome;
        },
        tally,
        emit: () => undefined,
        signal: new AbortController().signal,
      },
    );
  return { outcome: again(), again, source: fake, tally, store, staging };
}

const inStore = (store: ChunkStore, digest: Digest, size: number) =>
  store.find('blob', digestKeyOfHex(digestHex(digest)), size);
const tocOf = ({ blob, toc }: ChunkedLayer) => blob.subarray(toc.start, toc.end);

describe('the metadata of a chunked layer', () => {
  it('come with one request for the end of the blob', async () => {
    const { outcome, source, tally } = await read(small);
    const metadata = await outcome;
    if (metadata.kind !== 'chunked') throw new Error('not chunked');
    expect([...metadata.table.offsets]).toEqual(small.chunks.map(({ start }) => start));
    if (!metadata.tarSplit) throw new Error('no tar-split');
    const { path, offset, compressedSize, digest } = metadata.tarSplit;
    expect(digest).toBe(small.tarSplitDigest);
    expect(small.blob.indexOf(readFileSync(path).subarray(offset, offset + compressedSize))).toBeGreaterThan(
      small.toc.end,
    );
    expect(source.log.map(({ range }) => range)).toEqual([{ start: small.dataEnd, end: small.blob.length }]);
    expect(tally).toEqual({ bytes: small.blob.length - small.dataEnd, requests: 1, ranges: 1 });
  });

  it.each<[what: string, afterToc: (path: string) => void]>([
    ['is cut off', (path) => truncateSync(path, 10)],
    ['is gone', (path) => rmSync(path)],
  ])('are a failure of the store where the file that was fetched to %s meanwhile', async (_, afterToc) => {
    const { outcome } = await read(small, { afterToc });
    await rejected('STORE_FAILED', outcome);
  });

  it('are kept for later pulls and attempts', async () => {
    const { outcome, again, source, store } = await read(small);
    const first = await outcome;
    if (first.kind !== 'chunked') throw new Error('not chunked');
    const [toc] = first.blobs;
    const kept = toc && store.find(toc.form, digestKeyOfHex(toc.hex), toc.compressedSize);
    if (!kept) throw new Error('not kept');
    expect(readFileSync(kept.path).subarray(kept.offset, kept.offset + kept.size)).toEqual(tocOf(small));
    expect(await again()).toMatchObject({ kind: 'chunked', table: first.table });
    expect(source.log).toHaveLength(1);
  });

  it('are not asked for where the store has nothing to share', async () => {
    const { outcome, source } = await read(small, { isSeeded: false });
    expect(await outcome).toMatchObject({ kind: 'plain', chunked: { dataEnd: small.dataEnd } });
    expect(source.log).toEqual([]);
  });

  it.each([[{ editTocText: () => '{' }], [{ editToc: () => ({ version: 9 }) }]])(
    'make it plain if they are wrong',
    async (options) => {
      const { outcome } = await read(buildChunkedLayer(files(3, 100), options));
      expect(await outcome).toEqual({ kind: 'plain', reason: expect.stringMatching(/TOC/) });
    },
  );

  it('end the pull if they end early', async () => {
    const { outcome } = await read(small, { source: { endsAfter: 10, cut: [10] } });
    await rejected('RESPONSE_INVALID', outcome);
  });
});

describe('a chunked layer of which next to nothing is at hand', () => {
  it('is taken whole, with the end that has been fetched and the chunks that are known', async () => {
    const { outcome, store, staging } = await read(large);
    const metadata = await outcome;
    if (metadata.kind !== 'plain' || !metadata.tail) throw new Error('not whole');
    expect(metadata).toMatchObject({ chunked: { dataEnd: large.dataEnd } });
    expect(metadata).not.toHaveProperty('reason');
    expect([...(metadata.table?.offsets ?? [])]).toEqual(large.chunks.map(({ start }) => start));
    const { start, path, offset } = metadata.tail;
    const end = readFileSync(path).subarray(offset, offset + large.blob.length - start);
    expect(end).toEqual(large.blob.subarray(large.dataEnd));
    expect(start).toBe(large.dataEnd);
    expect(staging.free).toEqual({ pack: 0, packOffset: 0 });
    expect(await staging.seal()).toEqual([]);
    expect(inStore(store, large.tarSplitDigest, 1)).toBeUndefined();
  });

  it.each([
    [3, 'plain'],
    [4, 'chunked'],
  ])('has less than %i of ten chunks: %s', async (count, kind) => {
    const { outcome } = await read(large, { chunks: large.chunks.slice(0, count) });
    expect(await outcome).toMatchObject({ kind });
  });

  it('is taken apart all the same where the store could not name it', async () => {
    const { outcome } = await read(large, { descriptor: { digest: SHA512 } });
    expect(await outcome).toMatchObject({ kind: 'chunked' });
  });
});

describe('a server that answers with the whole blob', () => {
  it('is not asked again: what it sends is the layer', async () => {
    const { outcome, again, source, store, tally } = await read(small, {
      source: { ignoresRanges: true, cut: [999, 7] },
    });
    expect(await outcome).toMatchObject({ kind: 'plain', reason: 'the server ignores ranges' });
    const { digest, size } = small.descriptor;
    const found = inStore(store, digest, size);
    if (!found) throw new Error('not kept');
    expect(readFileSync(found.path).subarray(found.offset, found.offset + size)).toEqual(small.blob);
    expect(tally).toEqual({ bytes: size, requests: 1, ranges: 0 });
    expect(source.openBodies).toBe(0);
    expect(await again()).toMatchObject({ kind: 'plain' });
    expect(source.log).toHaveLength(1);
  });

  it('is cut short where the store could not name the layer', async () => {
    const { outcome, source, tally } = await read(small, {
      descriptor: { digest: SHA512 },
      source: { ignoresRanges: true },
    });
    expect(await outcome).toEqual({ kind: 'plain', reason: 'the server ignores ranges' });
    expect(tally.bytes).toBe(0);
    expect(source.openBodies).toBe(0);
  });

  it('fills room that nothing else is written to', async () => {
    const room = await read(small, { source: { ignoresRanges: true } });
    await room.outcome;
    expect(room.staging.free.packOffset).toBe(small.descriptor.size);
  });

  it('ends the pull if it ends early', async () => {
    const { outcome } = await read(small, { source: { ignoresRanges: true, endsAfter: 500, cut: [500] } });
    await rejected('RESPONSE_INVALID', outcome);
  });
});
