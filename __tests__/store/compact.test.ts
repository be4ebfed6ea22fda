import { randomBytes } from 'node:crypto';
import { readdirSync, readFileSync, truncateSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { type CopiedChunk, copyIntoFreshPacks } from '../../src/store/compact.ts';
import { packsDirectory } from '../../src/store/places.ts';
import { readPack } from '../../src/store/read-pack.ts';
import { Staging } from '../../src/store/staging.ts';
import { ChunkStore } from '../../src/store/store.ts';
import { rejected } from '../support/pull-error.ts';
import {
  addPack,
  allEntries,
  entriesFor,
  readStored,
  type SampleBlob,
  sampleBlob,
  stageBlobs,
} from '../support/store-samples.ts';
import { temporaryDirectories } from '../support/temporary.ts';

const newDirectory = temporaryDirectories();
const texts = ['one', 'two', 'three', 'four', 'five'];

async function storeWith(...packs: string[][]) {
  const directory = newDirectory();
  const empty = await ChunkStore.open(directory, true);
  for (const pack of packs) await addPack(empty, pack);
  const store = await ChunkStore.open(directory, true);
  const list = () => readdirSync(packsDirectory(directory)).sort();
  return { directory, store, list };
}

function chunkOf(store: ChunkStore, { hex, key }: SampleBlob): CopiedChunk {
  const found = store.find('blob', key);
  if (!found) throw new Error('not stored');
  return { form: 'blob', hex, ...found };
}

const contentOf = async (path: string) => {
  const bytes = readFileSync(path);
  const pack = await readPack(path, '');
  return allEntries(pack)?.map(({ offset, compressedSize }) =>
    bytes.toString('utf8', offset, offset + compressedSize),
  );
};

describe('copyIntoFreshPacks', () => {
  it('copies chunks in the order in which they are given', async () => {
    const { directory, store } = await storeWith(['one', 'two'], ['three', 'four', 'five']);
    const order = ['four', 'one', 'five', 'two'];
    const [pack, ...others] = await copyIntoFreshPacks(
      order.map((text) => chunkOf(store, sampleBlob(text))),
      store,
      1000,
    );
    expect(others).toEqual([]);
    expect(await contentOf(pack?.path ?? '')).toEqual(order);
    expect(pack?.liveBytes).toBe('fouronefivetwo'.length);
    const again = await ChunkStore.open(directory, true);
    for (const text of texts) expect(readStored(again.find('blob', sampleBlob(text).key))).toBe(text);
  });

  it('makes the same pack as a pull that fetched the same', async () => {
    const { store, list } = await storeWith(['one', 'two'], ['three']);
    const chunks = ['one', 'two', 'three'].map((text) => chunkOf(store, sampleBlob(text)));
    const [copied] = await copyIntoFreshPacks(chunks, store, 1000);
    const fetched = await addPack(store, ['one', 'two', 'three']);
    expect(copied?.key).toBe(fetched.key);
    expect(list()).toHaveLength(3);
  });

  it('names the chunks inside of a blob where the blob comes to lie', async () => {
    const { directory, store } = await storeWith(['before', 'head, chunk one, tail']);
    const [chunk, blob] = ['chunk one', 'head, chunk one, tail'].map(sampleBlob) as [SampleBlob, SampleBlob];
    const copied = chunkOf(store, blob);
    const frame = { form: 'frame', hex: chunk.hex, compressedSize: 9, size: 9 } as const;
    const inside = [{ ...frame, offset: copied.offset + 'head, '.length }];
    const first = chunkOf(store, sampleBlob('before'));
    const [pack] = await copyIntoFreshPacks([{ ...copied, inside }, first], store, 1000);
    expect(await contentOf(pack?.path ?? '')).toEqual(['head, chunk one, tail', 'chunk one', 'before']);
    expect(pack?.liveBytes).toBe('head, chunk one, tailbefore'.length);
    const again = await ChunkStore.open(directory, true);
    expect(readStored(again.find('frame', chunk.key))).toBe('chunk one');
  });

  it('begins a new pack once one is full', async () => {
    const { store } = await storeWith(['one'], ['two'], ['three'], ['four']);
    const chunks = ['one', 'two', 'three', 'four'].map((text) => chunkOf(store, sampleBlob(text)));
    const packs = await copyIntoFreshPacks(chunks, store, 6);
    expect(await Promise.all(packs.map(({ path }) => contentOf(path)))).toEqual([
      ['one', 'two'],
      ['three', 'four'],
    ]);
  });

  it('makes no pack of no chunks', async () => {
    const { store, list } = await storeWith(['one']);
    expect(await copyIntoFreshPacks([], store, 1000)).toEqual([]);
    expect(list()).toHaveLength(1);
  });

  it('copies chunks that take many reads', async () => {
    const { store } = await storeWith();
    const staging = new Staging(store);
    const blobs = [9 << 20, 3, 5 << 20, 2 << 20, 100].map((size) =>
      sampleBlob(randomBytes(size).toString('latin1').slice(0, size)),
    );
    await stageBlobs(staging, 0, blobs);
    const { path } = await staging.pack(0);
    const chunks = entriesFor(blobs).map((entry) => ({ ...entry, path }));
    const packs = await copyIntoFreshPacks(chunks, store, 2 ** 40);
    const bytes = readFileSync(packs[0]?.path ?? '');
    const entries = allEntries(await readPack(packs[0]?.path ?? '', '')) ?? [];
    expect(entries.map(({ hex }) => hex)).toEqual(blobs.map(({ hex }) => hex));
    for (const [index, { offset, compressedSize }] of entries.entries()) {
      expect(
        bytes.subarray(offset, offset + compressedSize).equals(blobs[index]?.bytes ?? Buffer.alloc(0)),
      ).toBe(true);
    }
    await staging.discard();
  });

  it('begins a new pack in the middle of chunks that lie side by side', async () => {
    const { store } = await storeWith();
    const staging = new Staging(store);
    const blobs = ['a', 'b', 'c'].map((letter) => sampleBlob(letter.repeat(4 << 20)));
    await stageBlobs(staging, 0, blobs);
    const { path } = await staging.pack(0);
    const chunks = entriesFor(blobs).map((entry) => ({ ...entry, path }));
    const packs = await copyIntoFreshPacks(chunks, store, 4 << 20);
    expect(packs.map(({ liveBytes }) => liveBytes)).toEqual(Array(3).fill(4 << 20));
    await staging.discard();
  });

  it.each<[string, (path: string) => CopiedChunk[]]>([
    [
      'is shorter than it was',
      (path) => {
        truncateSync(path, 4);
        return [];
      },
    ],
    ['is gone', (path) => [{ ...(entriesFor([sampleBlob('one')])[0] as CopiedChunk), path: `${path}.gone` }]],
  ])('leaves everything as it was where a pack %s', async (_, spoil) => {
    const { directory, store, list } = await storeWith(['one', 'two']);
    const chunks = ['one', 'two'].map((text) => chunkOf(store, sampleBlob(text)));
    const before = list();
    const spoilt = spoil(chunks[0]?.path ?? '');
    await rejected('STORE_FAILED', copyIntoFreshPacks([...chunks, ...spoilt], store, 1));
    expect(list()).toEqual(before);
    expect(readdirSync(join(directory, 'v1/staging'))).toEqual([]);
  });
});
