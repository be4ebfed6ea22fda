import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { packsDirectory } from '../../src/store/places.ts';
import { readPack } from '../../src/store/read-pack.ts';
import { StagedPack } from '../../src/store/staged-pack.ts';
import { Staging } from '../../src/store/staging.ts';
import { ChunkStore } from '../../src/store/store.ts';
import { rejected } from '../support/pull-error.ts';
import { allEntries, entriesFor, readStored, sampleBlob, stageBlobs } from '../support/store-samples.ts';
import { temporaryDirectories } from '../support/temporary.ts';

const newDirectory = temporaryDirectories();
const blobs = ['one', 'two', 'three'].map(sampleBlob);
const [one, two, three] = blobs as [Blob, Blob, Blob];
type Blob = (typeof blobs)[number];

const open: Staging[] = [];
afterEach(async () => {
  for (const staging of open.splice(0)) await staging.discard();
});

async function start() {
  const directory = newDirectory();
  const store = await ChunkStore.open(directory, true);
  const packs = () => readdirSync(packsDirectory(directory));
  const staged = () => readdirSync(join(directory, 'v1/staging'));
  const staging = new Staging(store);
  open.push(staging);
  return { directory, store, staging, packs, staged };
}

describe('Staging', () => {
  it('makes a pack when it is first asked for, and the same one after that', async () => {
    const { staging, staged } = await start();
    expect([staging.free, staged()]).toEqual([{ pack: 0, packOffset: 0 }, []]);
    const [first, again] = await Promise.all([staging.pack(0), staging.pack(0)]);
    expect(again).toBe(first);
    expect([staging.free.pack, staged().length]).toEqual([0, 1]);
  });

  it('has room beside its packs that is never sealed, and gone in the end', async () => {
    const { staging, packs, staged } = await start();
    const [first, second] = await Promise.all([staging.scratch(10), staging.scratch(5)]);
    expect([first.offset, second.offset]).toEqual([0, 10]);
    expect(second.file).toBe(first.file);
    await second.file.write(second.offset, [one.bytes]);
    expect(staging.free).toEqual({ pack: 0, packOffset: 0 });
    expect([await staging.seal(), packs()]).toEqual([[], []]);
    expect(staged()).toHaveLength(1);
    await staging.discard();
    expect(staged()).toEqual([]);
  });

  it('has failed once something could not be written, and not before', async () => {
    const { staging } = await start();
    expect(await staging.hasFailed()).toBe(false);
    const pack = await staging.pack(1);
    await pack.write(0, [one.bytes]);
    expect(await staging.hasFailed()).toBe(false);
    await pack.discard();
    await rejected('STORE_FAILED', pack.write(0, [one.bytes]));
    expect(await staging.hasFailed()).toBe(true);
  });

  it('bears packs that are never made', async () => {
    const { staging, packs } = await start();
    await stageBlobs(staging, 2, [one]);
    expect(staging.free).toEqual({ pack: 3, packOffset: 0 });
    expect(await staging.seal()).toHaveLength(1);
    expect(packs()).toHaveLength(1);
  });

  it('hands out room at the beginning of the first pack, one after the other', async () => {
    const { staging } = await start();
    expect([staging.reserve(100), staging.reserve(0), staging.reserve(7), staging.free.packOffset]).toEqual([
      0, 100, 100, 107,
    ]);
  });

  it('hands out no room that a plan has filled', async () => {
    const { staging } = await start();
    staging.reserve(10);
    await staging.adopt(0, entriesFor(blobs, 10));
    expect(staging.free).toEqual({ pack: 0, packOffset: 10 + 'onetwothree'.length });
    expect(staging.reserve(5)).toBe(21);
    await staging.adopt(1, entriesFor([sampleBlob('x'.repeat(500))]));
    expect(staging.free).toEqual({ pack: 2, packOffset: 0 });
  });

  it('makes chunks findable before they are sealed', async () => {
    const { store, staging } = await start();
    await stageBlobs(staging, 0, blobs);
    expect(readStored(store.find('blob', two.key))).toBe('two');
    expect(store.isStored('blob', two.key)).toBe(false);
    expect(store.packAt((await staging.pack(0)).path)).toBeUndefined();
  });

  it('seals all packs that hold something', async () => {
    const { directory, staging, packs, staged } = await start();
    await stageBlobs(staging, 0, [one, two]);
    await staging.pack(1);
    await stageBlobs(staging, 2, [three]);
    const paths = [(await staging.pack(0)).path, (await staging.pack(2)).path];
    const sealed = await staging.seal();
    expect(sealed.map(({ stagedPath }) => stagedPath)).toEqual(paths);
    expect(sealed.map(({ liveBytes }) => liveBytes)).toEqual([6, 5]);
    expect(packs().sort()).toEqual(sealed.map(({ key }) => `${key}.pack`).sort());
    expect(sealed.map(({ size }) => size)).toEqual(sealed.map(({ path }) => statSync(path).size));
    expect(staged()).toEqual([]);
    const store = await ChunkStore.open(directory, true);
    expect(blobs.map(({ key }) => readStored(store.find('blob', key)))).toEqual(['one', 'two', 'three']);
  });

  it('shows no pack before it is whole', async () => {
    const { staging, packs } = await start();
    await stageBlobs(staging, 0, blobs);
    expect(packs()).toEqual([]);
    const [pack] = await staging.seal();
    expect(await readPack(pack?.path ?? '', '')).toMatchObject({
      blobs: blobs.map(({ hex }) => ({ hex })),
    });
  });

  it('leaves out a chunk that was dropped, wherever it was', async () => {
    const { staging } = await start();
    await stageBlobs(staging, 0, [one, two]);
    await stageBlobs(staging, 1, [three, two]);
    await staging.drop('blob', new Set([two.hex]));
    await staging.drop('frame', new Set([one.hex]));
    const packs = await Promise.all((await staging.seal()).map(({ path }) => readPack(path, '')));
    expect(packs.map((pack) => allEntries(pack)?.map(({ hex }) => hex))).toEqual([[one.hex], [three.hex]]);
  });

  it('seals nothing of a pack whose chunks were all dropped', async () => {
    const { staging, packs, staged } = await start();
    await stageBlobs(staging, 0, [one]);
    await staging.drop('blob', new Set([one.hex]));
    expect(await staging.seal()).toEqual([]);
    expect([packs(), staged()]).toEqual([[], []]);
  });

  it('leaves nothing behind when it is discarded, twice if need be', async () => {
    const { staging, packs, staged } = await start();
    await stageBlobs(staging, 0, [one]);
    await stageBlobs(staging, 1, [two]);
    await staging.discard();
    await staging.discard();
    expect([packs(), staged()]).toEqual([[], []]);
  });

  it('leaves what it has sealed when it is discarded after that', async () => {
    const { staging, packs } = await start();
    await stageBlobs(staging, 0, [one]);
    await staging.seal();
    await staging.discard();
    expect(packs()).toHaveLength(1);
  });

  it('seals the same content twice under one name', async () => {
    const { store, staging, packs } = await start();
    const other = new Staging(store);
    await stageBlobs(staging, 0, [one, two]);
    await stageBlobs(other, 0, [two, one]);
    const [[first], [second]] = await Promise.all([staging.seal(), other.seal()]);
    expect(second?.key).toBe(first?.key);
    expect(packs()).toEqual([`${first?.key}.pack`]);
  });

  it('puts a good pack in the place of a damaged one', async () => {
    const { store, staging } = await start();
    await stageBlobs(staging, 0, [one]);
    const [pack] = await staging.seal();
    const path = pack?.path ?? '';
    writeFileSync(path, 'damaged');
    const again = new Staging(store);
    await stageBlobs(again, 0, [one]);
    expect(await again.seal()).toMatchObject([{ path }]);
    expect(await readPack(path, '')).toMatchObject({ blobs: [{ hex: one.hex }] });
  });

  it('fails where the staging directory is gone, and can still be discarded', async () => {
    const { directory, staging } = await start();
    rmSync(join(directory, 'v1/staging'), { recursive: true });
    await rejected('STORE_FAILED', staging.pack(0));
    await rejected('STORE_FAILED', staging.adopt(0, []));
    expect(await staging.hasFailed()).toBe(true);
    await staging.discard();
  });

  it('fails where a pack cannot be moved, and leaves nothing staged after discarding', async () => {
    const { directory, staging, staged } = await start();
    await stageBlobs(staging, 0, [one]);
    rmSync(packsDirectory(directory), { recursive: true });
    await rejected('STORE_FAILED', staging.seal());
    await staging.discard();
    expect(staged()).toEqual([]);
  });
});

describe('Staging, with chunks inside of a blob', () => {
  const blob = sampleBlob('head, chunk one, chunk two, tail');
  const frame = (text: string) => {
    const { hex } = sampleBlob(text);
    const [offset, compressedSize] = [blob.bytes.indexOf(text), text.length];
    return { form: 'frame', hex, offset, compressedSize, size: 100 } as const;
  };
  const frames = ['chunk one', 'chunk two'].map(frame);

  it('knows its packs by their paths', async () => {
    const { staging } = await start();
    await staging.pack(2);
    const { path } = await staging.pack(1);
    expect([await staging.numberOf(path), await staging.numberOf('/elsewhere')]).toEqual([1, undefined]);
  });

  it('names them for later pulls, not for this one, and counts their bytes once', async () => {
    const { directory, store, staging } = await start();
    await stageBlobs(staging, 0, [blob]);
    await staging.index(0, frames);
    expect(store.holdsFrames).toBe(false);
    const [sealed] = await staging.seal();
    expect(sealed?.liveBytes).toBe(blob.bytes.length);
    expect([...(sealed?.frames() ?? [])]).toEqual(frames);
    const later = await ChunkStore.open(directory, true);
    expect(later.holdsFrames).toBe(true);
    for (const text of ['chunk one', 'chunk two'])
      expect(readStored(later.find('frame', sampleBlob(text).key, 100))).toBe(text);
    expect(readStored(later.find('blob', blob.key))).toBe(blob.bytes.toString());
  });

  it('remembers which of them have been wrong, and keeps the others', async () => {
    const { directory, staging } = await start();
    await stageBlobs(staging, 0, [blob]);
    await staging.index(0, frames);
    const [sealed] = await staging.seal();
    const path = sealed?.path ?? '';
    const later = await ChunkStore.open(directory, true);
    later.forget('frame', sampleBlob('chunk one').key, 100);
    expect(frames.map(({ offset }) => later.isForgotten(path, offset))).toEqual([true, false]);
    expect(later.find('frame', sampleBlob('chunk one').key)).toBeUndefined();
    expect(readStored(later.find('frame', sampleBlob('chunk two').key))).toBe('chunk two');
    expect(later.isDamaged).toBe(true);
  });
});

describe('StagedPack', () => {
  const create = async () => {
    const directory = newDirectory();
    return { directory, pack: await StagedPack.create(join(directory, 'staged')) };
  };

  it('does not take over a file that is there', async () => {
    const { pack } = await create();
    await rejected('STORE_FAILED', StagedPack.create(pack.path));
    await pack.discard();
    expect(existsSync(pack.path)).toBe(false);
  });

  it('can be read by nobody else', async () => {
    const { pack } = await create();
    expect(statSync(pack.path).mode & 0o777).toBe(0o600);
    await pack.discard();
  });

  it('takes writes at any place in any order', async () => {
    const { directory, pack } = await create();
    await pack.write(3, [two.bytes]);
    await pack.write(6, [Buffer.from('th'), Buffer.from('ree')]);
    await pack.write(0, [one.bytes]);
    for (const entry of entriesFor(blobs).reverse()) pack.add(entry);
    const { path } = await pack.seal(directory);
    expect(readFileSync(path).subarray(0, 11).toString()).toBe('onetwothree');
    expect(allEntries(await readPack(path, ''))).toEqual(entriesFor(blobs));
  });

  it('takes nothing, and very many small pieces, at once', async () => {
    const { pack } = await create();
    await pack.write(0, []);
    const pieces = Array.from({ length: 5000 }, (_, index) => Buffer.of(index & 0xff));
    await pack.write(10, pieces);
    expect(readFileSync(pack.path).subarray(10)).toEqual(Buffer.concat(pieces));
    await pack.discard();
  });

  it('cuts off what no entry covers', async () => {
    const { directory, pack } = await create();
    await pack.write(0, [Buffer.alloc(100_000, 'x')]);
    await pack.write(0, [one.bytes]);
    pack.add(...(entriesFor([one]) as [ReturnType<typeof entriesFor>[number]]));
    const { path, size } = await pack.seal(directory);
    expect(size).toBeLessThan(1000);
    expect(statSync(path).size).toBe(size);
  });

  it('fails to seal entries that overlap, rather than to write a table nobody can read', async () => {
    const { directory, pack } = await create();
    await pack.write(0, [Buffer.alloc(40)]);
    for (const offset of [0, 12, 30])
      pack.add({ form: 'frame', hex: one.hex, offset, compressedSize: 18, size: 50 });
    await rejected('STORE_FAILED', pack.seal(directory));
    await pack.discard();
    expect(readdirSync(directory)).toEqual([]);
  });

  it('leaves out what its table cannot tell of', async () => {
    const { directory, pack } = await create();
    await pack.write(0, [one.bytes, Buffer.alloc(40)]);
    const frame = { form: 'frame', hex: two.hex, offset: 3, compressedSize: 20, size: 2 ** 48 - 1 } as const;
    const lies = [
      { ...frame, offset: 23, size: 2 ** 48 },
      { ...frame, offset: 23, compressedSize: 7 },
    ];
    const kept = [...entriesFor([one]), frame];
    for (const entry of [...kept, ...lies]) pack.add(entry);
    const { path } = await pack.seal(directory);
    expect(allEntries(await readPack(path, ''))).toEqual(kept);
  });

  it('can be read again, however many chunks a blob claims to have', async () => {
    const { directory, pack } = await create();
    const blob = sampleBlob('b'.repeat(30_000));
    await pack.write(0, [blob.bytes]);
    for (const entry of entriesFor([blob])) pack.add(entry);
    for (let at = 0; at < 30_000; at++)
      pack.add({ form: 'frame', hex: one.hex, offset: at, compressedSize: 1, size: 1 });
    const { path } = await pack.seal(directory);
    expect(allEntries(await readPack(path, ''))).toEqual(entriesFor([blob]));
  });

  it('fails to write once it is discarded', async () => {
    const { pack } = await create();
    await pack.discard();
    await rejected('STORE_FAILED', pack.write(0, [one.bytes]));
  });

  it('fails where something else has its name', async () => {
    const { directory, pack } = await create();
    await pack.write(0, [one.bytes]);
    for (const entry of entriesFor([one])) pack.add(entry);
    const other = await create();
    await other.pack.write(0, [one.bytes]);
    for (const entry of entriesFor([one])) other.pack.add(entry);
    const { key } = await other.pack.seal(other.directory);
    mkdirSync(join(directory, `${key}.pack`));
    await rejected('STORE_FAILED', pack.seal(directory));
    await pack.discard();
  });
});
