// A bit of the store turned over, wherever it is: the tree is right, and what was repaired is counted.
import { cpSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readPack } from '../../src/store/read-pack.ts';
import { pullJson, scratch } from '../support/cli.ts';
import { fixtureLayout } from '../support/fixture-image.ts';
import { seededRandom } from '../support/random.ts';
import { startRegistry, type TestRegistry } from '../support/registry.ts';
import { allEntries } from '../support/store-samples.ts';
import { expectedTree, isRoot, listTree } from '../support/tree.ts';
import { wrongEntries } from '../support/verify-packs.ts';

const random = seededRandom();
const formats = ['zstd-chunked', 'gzip', 'estargz'] as const;
let registry: TestRegistry;
beforeAll(async () => {
  registry = await startRegistry({
    images: formats.map((format) => ({ repository: format, layout: fixtureLayout(format) })),
  });
});
afterAll(() => registry.close());

const pull = (image: string, root: string, cache: string) =>
  pullJson([`${registry.host}/${image}`, root, '--cache-dir', cache, '--platform', 'linux/amd64']);

/** Turns one bit over of all bits of all files in the store. Returns where. */
function flipBit(cache: string): { path: string; offset: number } {
  const directory = join(cache, 'v1/packs');
  const paths = readdirSync(directory).map((name) => join(directory, name));
  const sizes = paths.map((path) => statSync(path).size);
  let offset = random.below(sizes.reduce((sum, size) => sum + size, 0));
  const index = sizes.findIndex((size) => {
    if (offset < size) return true;
    offset -= size;
    return false;
  });
  const path = paths[index] as string;
  const bytes = readFileSync(path);
  bytes[offset] = (bytes[offset] ?? 0) ^ (1 << random.below(8));
  writeFileSync(path, bytes);
  return { path, offset };
}

/** Of each store; each time is two whole pulls. All hundred with OCI_PULL_TEST_FLIPS=80. */
const FLIPS = Number(process.env.OCI_PULL_TEST_FLIPS ?? 8);

interface Store {
  readonly name: string;
  /** What has been pulled into it, one after the other; the last is pulled again. */
  readonly images: readonly string[];
  readonly flips: number;
  /** Is every byte of it read by that pull? */
  readonly isAllRead: boolean;
}

const stores: readonly Store[] = [
  { name: 'whole zstd:chunked layers', images: ['zstd-chunked:v1'], flips: 30, isAllRead: true },
  { name: 'whole gzip layers', images: ['gzip:v2'], flips: 20, isAllRead: true },
  {
    name: 'layers and chunks of two versions',
    images: ['zstd-chunked:v1', 'zstd-chunked:v2'],
    flips: 30,
    isAllRead: false,
  },
  { name: 'layers and parts of eStargz', images: ['estargz:v1', 'estargz:v2'], flips: 20, isAllRead: false },
];

describe(`a bit turned over in a store (seed ${random.seed})`, () => {
  it.each(stores)(
    'of $name, up to $flips times, is repaired and counted',
    { timeout: 600_000 },
    async (each) => {
      using dir = scratch();
      const last = each.images.at(-1) ?? '';
      for (const image of each.images) await pull(image, dir.in('rootfs'), dir.in('good'));
      const good = listTree(dir.in('rootfs'));
      if (isRoot()) expect(good).toEqual(expectedTree(last.split(':')[1] ?? ''));
      let repairs = 0;
      for (let flip = 0; flip < Math.min(each.flips, FLIPS); flip++) {
        using copy = scratch();
        const cache = copy.in('cache');
        cpSync(dir.in('good'), cache, { recursive: true });
        const where = flipBit(cache);
        const isDamaged = await isDamage(cache, where);
        const result = await pull(last, copy.in('rootfs'), cache);
        expect({ where, tree: listTree(copy.in('rootfs')) }).toEqual({ where, tree: good });
        // Where it is not read, it is not repaired either.
        const isRepaired = result['cache-repairs'] > 0;
        if (each.isAllRead) expect({ where, isRepaired }).toEqual({ where, isRepaired: true });
        if (isRepaired) {
          expect({ where, warnings: result.warnings.length > 0 }).toEqual({ where, warnings: true });
          expect(await isDamage(cache, where)).toBe(false);
        } else expect({ where, hit: result['cache-hit'] }).toEqual({ where, hit: true });
        expect(isRepaired && !isDamaged).toBe(false);
        repairs += isRepaired ? 1 : 0;
      }
      // A few flips may all be where an update does not read.
      if (each.isAllRead || FLIPS >= each.flips) expect(repairs).toBeGreaterThan(0);
    },
  );
});

/** Does the pack there hold what it should not? Parts have no digest: what is in one counts as damage. */
async function isDamage(cache: string, { path, offset }: { path: string; offset: number }): Promise<boolean> {
  const pack = await readPack(path, '').catch(() => undefined);
  if (!pack) return readdirSync(join(cache, 'v1/packs')).some((name) => path.endsWith(name));
  const parts = (allEntries(pack) ?? []).filter(({ form }) => form === 'part');
  const isPart = parts.some((part) => part.offset <= offset && offset < part.offset + part.compressedSize);
  return isPart || (await wrongEntries(cache).catch(() => ['unreadable'])).length > 0;
}
