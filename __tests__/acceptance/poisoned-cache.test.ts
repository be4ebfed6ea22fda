// Packs that somebody has forged, well-formed in every way that can be checked without the image: always the right tree, soon, and in
// little memory.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { zstdCompressSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { compareEntries, encodeTable, type PackEntry } from '../../src/store/pack-format.ts';
import { readPack } from '../../src/store/read-pack.ts';
import { runJobHere } from '../support/action-here.ts';
import { CacheService } from '../support/cache-service.ts';
import { fixtureLayout } from '../support/fixture-image.ts';
import { startRegistry, type TestRegistry } from '../support/registry.ts';
import { allEntries } from '../support/store-samples.ts';
import type { TreeRecord } from '../support/tree.ts';

let registry: TestRegistry;
let service: CacheService;
let entries: readonly PackEntry[];
let data: Buffer;
const trees = new Map<string, readonly TreeRecord[]>();

beforeAll(async () => {
  registry = await startRegistry({ images: [{ repository: 'app', layout: fixtureLayout('zstd-chunked') }] });
  service = await CacheService.start();
  trees.set('v2', (await pull('v2', 'none')).tree);
  trees.set('v1', (await pull('v1', 'write')).tree);
  const directory = mkdtempSync(join(tmpdir(), 'forge-'));
  const path = join(directory, 'pack');
  writeFileSync(path, stored('-pack-').bytes);
  entries = allEntries(await readPack(path, '')) ?? [];
  data = stored('-pack-').bytes.subarray(0, endOf(entries));
  rmSync(directory, { recursive: true });
});
afterAll(async () => {
  await registry.close();
  await service.close();
});

function pull(tag: string, mode: string) {
  const inputs = { image: `${registry.host}/app:${tag}`, platform: 'linux/amd64', 'cache-mode': mode };
  return runJobHere({ env: service.environment(), inputs });
}

function stored(kind: string) {
  const entry = service.entries.finalized().find(({ key }) => key.includes(kind));
  const bytes = entry && service.blobs.get(entry.id);
  if (!entry || !bytes) throw new Error(`nothing is stored as ${kind}`);
  return { id: entry.id, bytes };
}

const endOf = (all: readonly PackEntry[]) =>
  Math.max(...all.map(({ offset, compressedSize }) => offset + compressedSize));

function packOf(forged: readonly PackEntry[], bytes: Buffer): Buffer {
  return Buffer.concat([bytes, encodeTable(forged.toSorted(compareEntries), bytes.length)]);
}

/** Puts a pack in the place of the one that was saved, and its size into the head. */
function plant(pack: Buffer): () => void {
  const [oldPack, oldHead] = [stored('-pack-'), stored('-head-')];
  const head = JSON.parse(oldHead.bytes.toString());
  head.packs[0] = { ...head.packs[0], size: pack.length, liveBytes: 1 };
  service.blobs.set(oldPack.id, pack);
  service.blobs.set(oldHead.id, Buffer.from(JSON.stringify(head)));
  return () => {
    service.blobs.set(oldPack.id, oldPack.bytes);
    service.blobs.set(oldHead.id, oldHead.bytes);
  };
}

/** A frame of `compressedSize` bytes or less that decodes to as many zeros as fit into it: about a gigabyte for 32 KiB. */
const bomb = zstdCompressSync(Buffer.alloc(1 << 30));

function bombsEverywhere(bytes: Buffer): Buffer {
  const filled = Buffer.from(bytes);
  for (const { offset, compressedSize } of entries)
    if (compressedSize >= bomb.length) bomb.copy(filled, offset);
  return filled;
}

/** Of each frame the content of its neighbour, under names that are not its own. */
function exchanged(): PackEntry[] {
  const frames = entries.filter(({ form }) => form === 'frame');
  const places = frames.map(({ offset, compressedSize, size }) => ({ offset, compressedSize, size }));
  return frames.map((frame, index) => ({ ...frame, ...places[(index + 1) % places.length] }));
}

/** noticed: it is not merely passed over because nothing of the image has that name and size. */
const attacks: readonly [string, boolean, () => Buffer][] = [
  ['other bytes under every name', true, () => packOf(entries, Buffer.alloc(data.length, 7))],
  ['zeros under every name', true, () => packOf(entries, Buffer.alloc(data.length))],
  ['chunks under the names of others', false, () => packOf(exchanged(), data)],
  [
    'chunks under the names of others, of sizes that fit',
    false,
    () =>
      packOf(
        exchanged().map((entry) => ({ ...entry, size: sizeOf(entry.hex) })),
        data,
      ),
  ],
  ['entries that overlap', true, () => packOf(entries.map(overlapping), data)],
  [
    'everything in one place',
    true,
    () =>
      packOf(
        entries.map((entry) => at(entry, 0)),
        data,
      ),
  ],
  ['frames that decode to gigabytes', true, () => packOf(entries, bombsEverywhere(data))],
  [
    'frames that claim to hold terabytes',
    false,
    () =>
      packOf(
        entries.map((entry) => (entry.form === 'frame' ? { ...entry, size: 2 ** 46 } : entry)),
        data,
      ),
  ],
  [
    'frames that claim to hold less than they do',
    false,
    () =>
      packOf(
        entries.map((entry) => (entry.form === 'frame' ? { ...entry, size: 1 } : entry)),
        data,
      ),
  ],
  [
    'frames that are cut off',
    false,
    () =>
      packOf(
        entries.map((entry) => ({ ...entry, compressedSize: Math.max(9, entry.compressedSize - 1) })),
        data,
      ),
  ],
  ['frames that reach beyond the pack', true, () => packOf([...entries, beyond()], data)],
  [
    'frames that are called blobs',
    false,
    () =>
      packOf(
        entries.map((entry) => ({ ...entry, form: 'blob' as const, size: entry.compressedSize })),
        data,
      ),
  ],
  [
    'two entries for each name',
    false,
    () =>
      packOf(
        entries.flatMap((entry) => [at(entry, entry.offset), overlapping(entry)]),
        data,
      ),
  ],
];

function sizeOf(hex: string): number {
  return entries.find((entry) => entry.form === 'frame' && entry.hex === hex)?.size ?? 0;
}

/** Frames follow one another, but what is called a member may lie anywhere. */
function at(entry: PackEntry, offset: number): PackEntry {
  return { ...entry, offset, ...(entry.form === 'frame' ? { innerOffset: 0 } : {}) };
}

function overlapping(entry: PackEntry): PackEntry {
  return at(entry, Math.max(0, entry.offset - 5));
}

function beyond(): PackEntry {
  return { form: 'blob', hex: 'f'.repeat(64), offset: data.length - 1, compressedSize: 1000, size: 1000 };
}

describe.each(['v1', 'v2'])('a pull of %s', (tag) => {
  it.each(attacks)(
    'is right in spite of %s',
    async (_, noticed, forge) => {
      const restore = plant(forge());
      const memory = process.memoryUsage().rss;
      let peak = memory;
      const watch = setInterval(() => {
        peak = Math.max(peak, process.memoryUsage().rss);
      }, 20);
      try {
        const job = await pull(tag, 'read');
        expect(job.exitCode).toBe(0);
        expect(job.tree).toEqual(trees.get(tag));
        if (noticed) expect(job.summary).toContain('made good');
        expect(peak - memory).toBeLessThan(512 << 20);
      } finally {
        clearInterval(watch);
        restore();
      }
    },
    60_000,
  );

  it('is served by the same cache once it is as it was', async () => {
    const job = await pull(tag, 'read');
    expect(job.tree).toEqual(trees.get(tag));
    expect(Number(job.outputs['bytes-from-cache'])).toBeGreaterThan(0);
    expect(job.summary).not.toContain('made good');
  });
});
