import {
  existsSync,
  mkdirSync,
  readdirSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { evict, listPackFiles, markUsed } from '../../src/store/evict.ts';
import { takeLease } from '../../src/store/lease.ts';
import { packsDirectory } from '../../src/store/places.ts';
import { prepareStore } from '../../src/store/prepare.ts';
import { rejected } from '../support/pull-error.ts';
import { temporaryDirectories } from '../support/temporary.ts';

const newDirectory = temporaryDirectories();

/** A store of files that are called like packs: `size` bytes, last used `age` minutes ago; the first is called 000…. */
async function storeOf(...packs: { size: number; age: number }[]) {
  const directory = newDirectory();
  await prepareStore(directory);
  const paths = packs.map(({ size, age }, index) => {
    const path = join(packsDirectory(directory), `${String(index).padStart(40, '0')}.pack`);
    writeFileSync(path, Buffer.alloc(size));
    const then = Date.now() / 1000 - age * 60;
    utimesSync(path, then, then);
    return path;
  });
  return { directory, paths, there: () => paths.map((path) => existsSync(path)) };
}

const three = () => storeOf({ size: 10, age: 1 }, { size: 10, age: 3 }, { size: 10, age: 2 });

describe('evict', () => {
  it.each([
    ['nothing where all fits', 30, [true, true, true], 0],
    ['the one that was not used for the longest time', 29, [true, false, true], 1],
    ['as many as have to go', 10, [true, false, false], 2],
    ['all where nothing fits', 9, [false, false, false], 3],
  ])('removes %s', async (_, maxBytes, there, packs) => {
    const store = await three();
    expect(await evict(store.directory, { maxBytes })).toEqual({
      packs,
      bytes: packs * 10,
      left: 30 - packs * 10,
    });
    expect(store.there()).toEqual(there);
  });

  it('goes by the last use, not by when a pack was made', async () => {
    const store = await three();
    await markUsed([store.paths[1] ?? '']);
    await evict(store.directory, { maxBytes: 20 });
    expect(store.there()).toEqual([true, true, false]);
  });

  it('leaves what was used since a pull began that is running, even if too much stays', async () => {
    const store = await three();
    const lease = await takeLease(store.directory);
    await markUsed([store.paths[1] ?? '']);
    expect(await evict(store.directory, { maxBytes: 0 })).toEqual({ packs: 2, bytes: 20, left: 10 });
    expect(store.there()).toEqual([false, true, false]);
    await lease[Symbol.asyncDispose]();
    expect(await evict(store.directory, { maxBytes: 0 })).toMatchObject({ left: 0 });
  });

  it('does not hold the caller’s own use against it', async () => {
    const store = await three();
    await using lease = await takeLease(store.directory);
    await markUsed(store.paths);
    expect(await evict(store.directory, { maxBytes: 0, lease: lease.id })).toMatchObject({ left: 0 });
  });

  it('spares what it is told to', async () => {
    const store = await three();
    await evict(store.directory, { maxBytes: 0, spare: new Set([store.paths[1] ?? '']) });
    expect(store.there()).toEqual([false, true, false]);
  });

  it('removes no more when several processes do it at once', async () => {
    const store = await storeOf(...Array.from({ length: 20 }, (_, age) => ({ size: 10, age })));
    await Promise.all(Array.from({ length: 5 }, () => evict(store.directory, { maxBytes: 100 })));
    expect(readdirSync(packsDirectory(store.directory))).toHaveLength(10);
    expect(store.there().slice(0, 10)).toEqual(Array(10).fill(true));
  });

  it('keeps as much as fits of what was used last, whatever the sizes', async () => {
    const packs = fc.array(fc.record({ size: fc.nat(50), age: fc.integer({ min: 1, max: 1000 }) }), {
      maxLength: 8,
    });
    await fc.assert(
      fc.asyncProperty(packs, fc.nat(200), async (all, maxBytes) => {
        const store = await storeOf(...all);
        const { left } = await evict(store.directory, { maxBytes });
        expect(left).toBeLessThanOrEqual(maxBytes);
        const there = store.there();
        const kept = all.filter((_, index) => there[index]);
        const gone = all.filter((_, index) => !there[index]);
        expect(left).toBe(kept.reduce((sum, { size }) => sum + size, 0));
        const youngestGone = Math.min(...gone.map(({ age }) => age));
        expect(kept.every(({ age }) => age <= youngestGone)).toBe(true);
        const [last] = gone.toSorted((a, b) => a.age - b.age || b.size - a.size);
        if (last)
          expect(
            left + Math.max(...gone.filter(({ age }) => age === last.age).map(({ size }) => size)),
          ).toBeGreaterThan(maxBytes);
      }),
      { numRuns: 50 },
    );
  });

  it('touches nothing but packs', async () => {
    const store = await three();
    const outside = join(newDirectory(), 'file');
    writeFileSync(outside, 'x');
    symlinkSync(outside, join(packsDirectory(store.directory), `${'e'.repeat(40)}.pack`));
    mkdirSync(join(packsDirectory(store.directory), `${'f'.repeat(40)}.pack`));
    writeFileSync(join(packsDirectory(store.directory), 'README'), 'x');
    await evict(store.directory, { maxBytes: 0 });
    expect(readdirSync(packsDirectory(store.directory))).toHaveLength(3);
  });

  it('finds nothing where there is no store, and fails where one cannot be read', async () => {
    expect(await evict(join(newDirectory(), 'none'), { maxBytes: 0 })).toEqual({
      packs: 0,
      bytes: 0,
      left: 0,
    });
    const directory = newDirectory();
    mkdirSync(join(directory, 'v1'));
    writeFileSync(join(directory, 'v1/packs'), '');
    await rejected('STORE_FAILED', evict(directory, { maxBytes: 0 }));
    await rejected('STORE_FAILED', listPackFiles(directory));
  });
});

describe('markUsed', () => {
  it('does not follow a link out of the store', async () => {
    const outside = join(newDirectory(), 'file');
    writeFileSync(outside, 'x');
    utimesSync(outside, 1, 1);
    const link = join(newDirectory(), 'link');
    symlinkSync(outside, link);
    await markUsed([link, join(newDirectory(), 'none')]);
    expect(statSync(outside).mtimeMs).toBe(1000);
  });
});
