// Four threads unpack an image. Whatever goes wrong: one of them has the reason, all of them end, and the tree is not finished.
import { randomBytes } from 'node:crypto';
import { existsSync, lstatSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { unpackHere } from '../../src/pull/unpack-here.ts';
import type { UnpackEvent, UnpackJob } from '../../src/unpack/job.ts';
import { buildChunkedLayer, type ChunkedLayerOptions } from '../support/chunked-layer.ts';
import { sampleDigest } from '../support/descriptors.ts';
import { rejected } from '../support/pull-error.ts';
import { dir, file, tar } from '../support/tar-builder.ts';
import { temporaryDirectories } from '../support/temporary.ts';
import { chunkedLayer, damaged, type LayerFile, plainLayer, unpackJob } from '../support/unpack-job.ts';

const newDirectory = temporaryDirectories();
const BASE = tar(dir('./', { mode: 0o755 }), file('base', 'of all'), file('gone', 'soon'));
const TOP = tar(file('top', 'on top'), file('.wh.gone'));
/** More than the ring holds, and nothing that can be compressed. */
const LARGE = tar(file('large', randomBytes(12 << 20)));
const ITEMS = [
  { name: 'etc/', type: '5', mode: 0o755 },
  { name: 'etc/one', body: 'first '.repeat(9) },
  { name: 'etc/two', body: 'other '.repeat(9) },
];
const built = (options: ChunkedLayerOptions = {}) => buildChunkedLayer(ITEMS, options);
const chunked = (options?: ChunkedLayerOptions) => chunkedLayer(built(options));
/** The operating system in a gzip header: only the digest of the blob can tell. */
const OS_BYTE = 9;

const hooks = (signal = new AbortController().signal) => ({ signal, onEvent: () => undefined });
const modeOf = (job: UnpackJob) => lstatSync(job.root).mode & 0o777;

/** The root gets its mode last of all: until then nobody else may look inside. */
function expectUnfinished(job: UnpackJob): void {
  expect(modeOf(job)).toBe(0o700);
}

describe('unpackHere', () => {
  it.each<[string, readonly LayerFile[]]>([
    ['that have just been fetched', [plainLayer(BASE), plainLayer(TOP)]],
    ['that were kept', [plainLayer(BASE, { isKept: true }), plainLayer(TOP, { isKept: true })]],
    ['of both kinds', [plainLayer(BASE, { isKept: true }), plainLayer(TOP)]],
    ['one of them in chunks', [plainLayer(BASE), chunked(), plainLayer(TOP)]],
  ])('unpacks layers %s', async (_, layers) => {
    const job = unpackJob(newDirectory(), layers);
    const events: UnpackEvent[] = [];
    const outcome = await unpackHere(job, { ...hooks(), onEvent: (event) => events.push(event) });
    expect(outcome).toMatchObject({ kind: 'done', report: { skipped: { count: 0 } } });
    expect(events.map(({ layer }) => layer)).toEqual([...layers.keys()]);
    expect(modeOf(job)).toBe(0o755);
    const read = (name: string) => readFileSync(join(job.root, name), 'utf8');
    expect([read('base'), read('top'), existsSync(join(job.root, 'gone'))]).toEqual([
      'of all',
      'on top',
      false,
    ]);
    if (layers.length === 3) expect(read('etc/two')).toBe('other '.repeat(9));
  });

  it('unpacks an image without layers', async () => {
    const outcome = await unpackHere(unpackJob(newDirectory(), []), hooks());
    expect(outcome).toMatchObject({ kind: 'done', layers: [] });
  });

  it('unpacks a layer while it arrives', async () => {
    const layer = plainLayer(LARGE, { arrival: { groups: [0, 1], groupBytes: 10 << 20 } });
    const job = unpackJob(newDirectory(), [plainLayer(BASE), layer], 2);
    const done = unpackHere(job, hooks());
    job.progress.add(0, 10 << 20);
    setTimeout(() => job.progress.add(1, layer.stored.length - (10 << 20)), 100);
    expect(await done).toMatchObject({ kind: 'done' });
    expect(lstatSync(join(job.root, 'large')).size).toBe(12 << 20);
  });

  const { chunks, toc } = built();
  const chunk = (index: number) => (chunks[index]?.end ?? 0) - 5;
  it.each<[string, LayerFile, object]>([
    ['a blob', damaged(plainLayer(BASE), OS_BYTE), { blob: true }],
    ['a blob that cannot be decoded', damaged(plainLayer(BASE), 60), { blob: true }],
    ['a blob that was kept', damaged(plainLayer(BASE, { isKept: true }), OS_BYTE), { blob: true }],
    ['a chunk', damaged(chunked(), chunk(1)), { chunks: [1] }],
    ['two chunks', damaged(damaged(chunked(), chunk(0)), chunk(1)), { chunks: [0, 1] }],
    ['a tar-split', damaged(chunked(), toc.end + 8 + 30), { tarSplit: true }],
  ])('tells what is corrupt: %s', async (_, layer, found) => {
    const job = unpackJob(newDirectory(), [plainLayer(BASE), layer, plainLayer(TOP)]);
    const nothing = { chunks: [], tarSplit: false, blob: false };
    expect(await unpackHere(job, hooks())).toMatchObject({
      kind: 'corrupt',
      layer: 1,
      found: { ...nothing, ...found },
    });
    expectUnfinished(job);
  });

  it('tells of chunks that are right and do not make up their layer', async () => {
    const lying = chunked({ editTarSplit: (lines) => lines.slice(0, -1) });
    const job = unpackJob(newDirectory(), [plainLayer(BASE), lying]);
    expect(await unpackHere(job, hooks())).toMatchObject({ kind: 'inconsistent', layer: 1 });
    expectUnfinished(job);
  });

  it('fails where a whole layer does not unpack to its diff_id, though nothing else is wrong', async () => {
    const { stored, layer } = plainLayer(BASE);
    const job = unpackJob(newDirectory(), [{ stored, layer: { ...layer, diffId: sampleDigest(1) } }]);
    const error = await rejected('DIGEST_MISMATCH', unpackHere(job, hooks()));
    expect(error.message).toContain(sampleDigest(1));
    expectUnfinished(job);
  });

  it.each(['one', 'all'])('fails where a file is gone: %s of them', async (which) => {
    const job = unpackJob(newDirectory(), [plainLayer(BASE), plainLayer(TOP)]);
    const files = job.files.map((path, index) => (which === 'all' || index === 1 ? `${path}.gone` : path));
    const outcome = await unpackHere({ ...job, files }, hooks());
    const layer = which === 'all' ? 0 : 1;
    expect(outcome).toMatchObject({ kind: 'corrupt', layer, found: { blob: true } });
    expectUnfinished(job);
  });
});

describe('unpackHere, of an image that is at fault,', () => {
  const notTar = plainLayer(Buffer.alloc(4096, 'no tar '));
  it.each<[string, LayerFile, Partial<UnpackJob>]>([
    ['TAR_INVALID', notTar, {}],
    ['LIMIT_EXCEEDED', plainLayer(TOP), { limits: { entries: 3 } }],
  ])('throws %s, and does not wait for layers above', async (code, layer, more) => {
    const groups = Array.from({ length: 13_000 }, (_, group) => group);
    const above = plainLayer(LARGE, { arrival: { groups, groupBytes: 1000 } });
    const job = unpackJob(newDirectory(), [plainLayer(BASE), layer, above], groups.length);
    // At this pace it would take minutes.
    let arrived = 0;
    const trickle = setInterval(() => job.progress.add(arrived++, 1000), 20);
    try {
      await rejected(code as 'TAR_INVALID', unpackHere({ ...job, ...more }, hooks()));
    } finally {
      clearInterval(trickle);
    }
    expectUnfinished(job);
  });

  it('throws what is wrong above the ring, and stops the stream in its middle', async () => {
    const job = unpackJob(newDirectory(), [plainLayer(BASE), plainLayer(LARGE)]);
    await rejected('LIMIT_EXCEEDED', unpackHere({ ...job, limits: { fileSize: 1000 } }, hooks()));
    expectUnfinished(job);
  });

  it('accuses the lower of two layers: what is wrong above may be its doing', async () => {
    for (const isKept of [true, false]) {
      const job = unpackJob(newDirectory(), [damaged(plainLayer(BASE, { isKept }), OS_BYTE), notTar]);
      expect(await unpackHere(job, hooks())).toMatchObject({ kind: 'corrupt', layer: 0 });
      expectUnfinished(job);
    }
  });
});

describe('unpackHere, when it is cancelled', () => {
  const waiting = () => plainLayer(TOP, { arrival: { groups: [0], groupBytes: 1000 } });

  it('ends with ABORTED while it waits for bytes', async () => {
    const job = unpackJob(newDirectory(), [plainLayer(BASE), waiting()], 1);
    const stop = new AbortController();
    const ended = rejected('ABORTED', unpackHere(job, hooks(stop.signal)));
    setTimeout(() => {
      job.progress.abort();
      stop.abort();
    }, 200);
    await ended;
    expectUnfinished(job);
  });

  it('ends with ABORTED before it has begun', async () => {
    const job = unpackJob(newDirectory(), [plainLayer(BASE), waiting()], 1);
    job.progress.abort();
    await rejected('ABORTED', unpackHere(job, hooks(AbortSignal.abort())));
    expectUnfinished(job);
  });
});
