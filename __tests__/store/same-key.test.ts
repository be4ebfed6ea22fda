// Packs of the same chunks have the same name, and yet their chunks may lie in other places.
import { readFileSync, renameSync, statSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { isStillThere, readPack, readSound } from '../../src/store/read-pack.ts';
import { Staging } from '../../src/store/staging.ts';
import { ChunkStore } from '../../src/store/store.ts';
import { packBytes, readStored, sampleBlob, stageBlobs } from '../support/store-samples.ts';
import { temporaryDirectories } from '../support/temporary.ts';

const newDirectory = temporaryDirectories();
const [one, two] = ['first', 'second chunk'].map(sampleBlob) as [Sample, Sample];
type Sample = ReturnType<typeof sampleBlob>;

async function seal(store: ChunkStore, blobs: readonly Sample[]) {
  const staging = new Staging(store);
  await stageBlobs(staging, 0, blobs);
  const [sealed] = await staging.seal();
  if (!sealed) throw new Error('nothing was sealed');
  return sealed;
}

async function sealed() {
  const directory = newDirectory();
  const writer = await ChunkStore.open(directory, false);
  const pack = await seal(writer, [one, two]);
  const reader = await ChunkStore.open(directory, true);
  return { directory, writer, pack, reader };
}

describe('a pack of chunks that another pull has sealed meanwhile', () => {
  it('leaves the other one in its place, for whoever has its table in memory', async () => {
    const { directory, writer, pack, reader } = await sealed();
    const again = await seal(writer, [two, one]);
    expect(again).toMatchObject({ key: pack.key, path: pack.path, size: pack.size, isKept: true });
    expect([pack.isKept, statSync(pack.path).size]).toEqual([false, again.size]);
    for (const store of [reader, await ChunkStore.open(directory, true)])
      for (const { key, bytes } of [one, two])
        expect(readStored(store.find('blob', key))).toBe(bytes.toString());
    expect(() => statSync(again.stagedPath)).toThrow('ENOENT');
  });

  it('takes the place of one in which a wrong byte was found', async () => {
    const { directory, pack } = await sealed();
    const bytes = readFileSync(pack.path);
    bytes[0] = (bytes[0] ?? 0) ^ 1;
    writeFileSync(pack.path, bytes);
    const store = await ChunkStore.open(directory, true);
    store.forget('blob', one.key);
    const again = await seal(store, [two, one]);
    expect(again).toMatchObject({ path: pack.path, isKept: false });
    await store.removeDamaged(new Set());
    const later = await ChunkStore.open(directory, true);
    expect([one, two].map(({ key }) => readStored(later.find('blob', key)))).toEqual([
      'first',
      'second chunk',
    ]);
  });

  it.each<[string, (path: string) => void]>([
    ['is no pack', (path) => writeFileSync(path, 'no pack')],
    ['holds other chunks', (path) => writeFileSync(path, packBytes([one]))],
    [
      'is a link to one',
      (path) => {
        renameSync(path, `${path}.elsewhere`);
        symlinkSync(`${path}.elsewhere`, path);
      },
    ],
  ])('takes the place of what %s', async (_, spoil) => {
    const { directory, writer, pack } = await sealed();
    spoil(pack.path);
    const again = await seal(writer, [two, one]);
    expect(again).toMatchObject({ path: pack.path, isKept: false });
    expect(await readSound(pack.path, pack.key)).toMatchObject({ count: 2 });
    expect(await ChunkStore.open(directory, true)).toMatchObject({ brokenPacks: 0 });
  });
});

describe('a pack that was found damaged', () => {
  it('is not removed once another file stands in its place', async () => {
    const { directory, pack, reader } = await sealed();
    reader.forget('blob', one.key);
    expect(await reader.isDamagedAt(pack.path)).toBe(true);
    const other = join(directory, 'other');
    writeFileSync(other, packBytes([two, one]));
    renameSync(other, pack.path);
    expect(await reader.isDamagedAt(pack.path)).toBe(false);
    await reader.removeDamaged(new Set());
    expect(await readSound(pack.path, pack.key)).toBeDefined();
  });

  it('is known by its file, whenever it was used since', async () => {
    const { directory, pack } = await sealed();
    const found = await readPack(pack.path, pack.key);
    if (!found) throw new Error('no pack');
    writeFileSync(join(directory, 'beside'), '');
    utimesSync(pack.path, 1, 1);
    expect(await isStillThere(found)).toBe(true);
    expect(await isStillThere({ ...found, path: join(directory, 'none') })).toBe(false);
    expect(await isStillThere({ ...found, path: join(directory, 'beside') })).toBe(false);
  });
});
