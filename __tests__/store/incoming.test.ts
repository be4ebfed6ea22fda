// Packs that the store finds chunks in before they are whole.
import { existsSync, readdirSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { PackEntry } from '../../src/store/pack-format.ts';
import { encodeTable } from '../../src/store/pack-format.ts';
import { packsDirectory } from '../../src/store/places.ts';
import { ChunkStore } from '../../src/store/store.ts';
import { addPack, entriesFor, packBytes, sampleBlob } from '../support/store-samples.ts';
import { temporaryDirectories } from '../support/temporary.ts';

const newDirectory = temporaryDirectories();
const KEY = 'a'.repeat(40);
const [one, two] = [sampleBlob('one'), sampleBlob('two')];
const whole = { waitFor: async () => true };

async function storeWith(bytes: Buffer) {
  const directory = newDirectory();
  const store = await ChunkStore.open(directory, true);
  const path = join(packsDirectory(directory), `${KEY}.partial`);
  const place = join(packsDirectory(directory), `${KEY}.pack`);
  writeFileSync(path, bytes);
  const incoming = { key: KEY, path, ...whole };
  await store.addIncoming(incoming);
  const arrive = () => {
    renameSync(path, place);
    store.arrived(incoming, place);
  };
  return { directory, store, path, place, incoming, arrive };
}

/** One blob, and the frames that are known to lie in it. */
function blobWithFrames(): Buffer {
  const blob = sampleBlob('x'.repeat(100));
  const frames = ['f', 'g'].map((text, index): PackEntry => {
    const { hex } = sampleBlob(text);
    return { form: 'frame', hex, offset: 10 * index, compressedSize: 10, size: 20 };
  });
  return Buffer.concat([blob.bytes, encodeTable([...entriesFor([blob]), ...frames], 100)]);
}

describe('a pack that is on its way', () => {
  it('counts as sealed, under its old path and then under its new one', async () => {
    const { store, path, place, arrive } = await storeWith(packBytes([one, two]));
    expect(store.find('blob', two.key)).toEqual({ path, offset: 3, compressedSize: 3, size: 3 });
    expect(store.isStored('blob', two.key)).toBe(true);
    expect(store.packAt(path)).toMatchObject({ key: KEY, path });
    arrive();
    expect(store.find('blob', two.key)?.path).toBe(place);
    expect(store.packAt(place)).toMatchObject({ key: KEY, path: place });
    expect(await store.isDamagedAt(place)).toBe(false);
  });

  it('is passed over where it is no pack', async () => {
    const { store, path, arrive } = await storeWith(Buffer.alloc(500));
    expect(store.packAt(path)).toBeUndefined();
    expect(store.brokenPacks).toBe(0);
    expect(existsSync(path)).toBe(true);
    arrive();
    expect(store.find('blob', one.key)).toBeUndefined();
  });

  it('yields to chunks that are at hand', async () => {
    const directory = newDirectory();
    const { path: there } = await addPack(await ChunkStore.open(directory, true), ['one']);
    const store = await ChunkStore.open(directory, true);
    const path = join(packsDirectory(directory), 'incoming');
    writeFileSync(path, packBytes([one, two]));
    await store.addIncoming({ key: KEY, path, ...whole });
    expect(store.find('blob', one.key)?.path).toBe(there);
    expect(store.find('blob', two.key)?.path).toBe(path);
    store.lose({ key: KEY, path, ...whole });
    expect(store.find('blob', one.key)?.path).toBe(there);
    expect(store.find('blob', two.key)).toBeUndefined();
  });

  it('is removed once it stands in its place where wrong bytes were found in it before', async () => {
    const { directory, store, place, arrive } = await storeWith(packBytes([one, two]));
    store.forget('blob', one.key);
    arrive();
    expect(store.find('blob', one.key)).toBeUndefined();
    expect(store.find('blob', two.key)?.path).toBe(place);
    expect(await store.isDamagedAt(place)).toBe(true);
    await store.removeDamaged(new Set());
    expect(readdirSync(packsDirectory(directory))).toEqual([]);
  });

  it('stays where a good pack has taken its name after wrong bytes were found in it', async () => {
    const { directory, store, place, arrive } = await storeWith(packBytes([one, two]));
    store.forget('blob', one.key);
    arrive();
    await store.removeDamaged(new Set([place]));
    expect(readdirSync(packsDirectory(directory))).toEqual([`${KEY}.pack`]);
  });

  it('is remembered for the frames that were wrong in it', async () => {
    const { store, path, place, arrive } = await storeWith(blobWithFrames());
    store.forget('frame', sampleBlob('g').key);
    expect(store.isForgotten(path, 10)).toBe(true);
    arrive();
    expect(store.isForgotten(place, 10)).toBe(true);
    expect(store.isForgotten(place, 0)).toBe(false);
  });

  it.each([
    ['before anybody has asked for its frames', false],
    ['afterwards', true],
  ])('and gets lost %s, is not found any more', async (_, isAsked) => {
    const { store, incoming, path } = await storeWith(blobWithFrames());
    const frame = sampleBlob('f').key;
    if (isAsked) expect(store.find('frame', frame)).toMatchObject({ path });
    store.lose(incoming);
    expect(store.holdsFrames).toBe(false);
    expect(store.find('frame', frame)).toBeUndefined();
    expect(store.packAt(path)).toBeUndefined();
    expect(await store.isThere({ path, offset: 0, compressedSize: 10 })).toBe(true);
  });

  it('and gets lost after wrong bytes were found in it, takes nothing of the store along', async () => {
    const { store, incoming, path } = await storeWith(packBytes([one, two]));
    store.forget('blob', one.key);
    store.lose(incoming);
    expect(store.isDamaged).toBe(false);
    await store.removeDamaged(new Set());
    expect(existsSync(path)).toBe(true);
  });
});
