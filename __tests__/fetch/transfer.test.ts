import { randomBytes } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { PullError } from '../../src/errors.ts';
import { createTally } from '../../src/fetch/tally.ts';
import { transfer } from '../../src/fetch/transfer.ts';
import type { BlobTail, FetchGroup, FetchPlan, PlanLayer } from '../../src/plan/fetch-plan.ts';
import { planFetch } from '../../src/plan/plan.ts';
import { Staging } from '../../src/store/staging.ts';
import { ChunkStore } from '../../src/store/store.ts';
import { ProgressBoard } from '../../src/workers/progress-board.ts';
import { createFakeSource, descriptorOf, type FakeSourceOptions } from '../support/fake-source.ts';
import {
  blobOf,
  chunkedLayer,
  fillPacks,
  nothingStored,
  OPTIONS,
  type SampleChunk,
} from '../support/plan-samples.ts';
import { rejected } from '../support/pull-error.ts';
import { temporaryDirectories } from '../support/temporary.ts';

const newDirectory = temporaryDirectories();

/** Chunks far apart from each other, so that each is a group of its own. */
const scattered = (count: number, first = 1): SampleChunk[] =>
  Array.from({ length: count }, (_, index) => ({
    seed: first + index,
    compressedSize: 50 + index,
    gap: 6000,
  }));

interface Image {
  readonly plan: FetchPlan;
  readonly blobs: readonly Buffer[];
}

function imageOf(layers: readonly SampleChunk[][], packTarget = OPTIONS.packTarget): Image {
  const planned = layers.map((chunks) => chunkedLayer(chunks, 30));
  const plan = planFetch(planned, nothingStored, { ...OPTIONS, packTarget });
  return { plan, blobs: planned.map((layer, index) => blobOf(layer, layers[index] ?? [])) };
}

async function run(
  image: Image,
  source: FakeSourceOptions = {},
  more: { concurrency?: number; signal?: AbortSignal; hasShownRanges?: boolean } = {},
) {
  const staging = new Staging(await ChunkStore.open(newDirectory(), false));
  const fake = createFakeSource({ blobs: image.blobs, ...source });
  const board = ProgressBoard.create(image.plan.groups.length);
  const tallies = createTally(image.blobs.length);
  if (more.hasShownRanges) for (const tally of tallies) tally.ranges = 1;
  let [received, replanned] = [0, 0];
  const outcome = transfer(image.plan.groups, {
    source: fake,
    descriptors: image.blobs.map((blob) => descriptorOf(blob)),
    tallies,
    pack: (number) => staging.pack(number),
    board,
    concurrency: more.concurrency ?? 3,
    emit: (event) => {
      if (event.kind === 'received') received += event.bytes;
      if (event.kind === 'replanned') replanned += event.bytes;
    },
    signal: more.signal ?? new AbortController().signal,
  });
  const packCount = Math.max(0, ...image.plan.groups.map(({ pack }) => pack + 1));
  const written = async () => {
    const packs = new Map<number, Buffer>();
    for (let number = 0; number < packCount; number++) {
      const content = readFileSync((await staging.pack(number)).path);
      if (content.length > 0) packs.set(number, content);
    }
    await staging.discard();
    return packs;
  };
  const figures = { received: () => received, replanned: () => replanned };
  return { outcome, source: fake, board, tallies, written, ...figures };
}

function expectComplete(board: ProgressBoard, groups: readonly FetchGroup[]): void {
  groups.forEach(({ keptBytes }, group) => {
    expect([board.has(group, keptBytes), board.has(group, keptBytes + 1)]).toEqual([true, false]);
  });
}

describe('transfer', () => {
  const two = imageOf([scattered(6), scattered(5, 50)], 100);

  it('is tested on what it is for', () => {
    expect(two.plan.groups.length).toBe(11);
    expect(new Set(two.plan.groups.map(({ pack }) => pack)).size).toBeGreaterThan(3);
  });

  it.each([1, 2, 8, 100])(
    'writes what the plan keeps to where it wants it, over %i connections',
    async (concurrency) => {
      const { outcome, source, board, tallies, written, received } = await run(
        two,
        { cut: [7, 100] },
        { concurrency },
      );
      await outcome;
      expect(await written()).toEqual(fillPacks(two.plan, two.blobs));
      expectComplete(board, two.plan.groups);
      expect(source.openBodies).toBe(0);
      const ranges = two.plan.groups.map(({ range }) => range);
      expect(source.log.map(({ range }) => range)).toEqual(expect.arrayContaining(ranges));
      expect(tallies.map(({ requests }) => requests)).toEqual([6, 5]);
      const bytes = ranges.reduce((sum, { start, end }) => sum + end - start, 0);
      expect([received(), tallies.reduce((sum, tally) => sum + tally.bytes, 0)]).toEqual([bytes, bytes]);
    },
  );

  it('asks for the front first', async () => {
    const { outcome, source, written } = await run(two, {}, { concurrency: 1 });
    await outcome;
    expect(source.log.map(({ range }) => range)).toEqual(two.plan.groups.map(({ range }) => range));
    await written();
  });

  it('has no more requests under way than connections', async () => {
    let under = 0;
    let most = 0;
    const { outcome, written } = await run(two, {
      onRequest: async () => {
        most = Math.max(most, ++under);
        await new Promise((resolve) => setTimeout(resolve, 2));
        under--;
      },
    });
    await outcome;
    await written();
    expect(most).toBeLessThanOrEqual(3);
  });

  it('waits with the other ranges of a layer until the first has been answered', async () => {
    const seen: string[] = [];
    const { outcome, written } = await run(
      imageOf([scattered(4)]),
      {
        onRequest: async ({ number }) => {
          seen.push(`asked ${number}`);
          await new Promise((resolve) => setTimeout(resolve, number === 0 ? 30 : 0));
          seen.push(`answered ${number}`);
        },
      },
      { concurrency: 4 },
    );
    await outcome;
    await written();
    expect(seen.slice(0, 2)).toEqual(['asked 0', 'answered 0']);
  });

  it('does not wait where the layer has shown before that its ranges are honoured', async () => {
    let [under, most] = [0, 0];
    const { outcome, written } = await run(
      imageOf([scattered(4)]),
      {
        onRequest: async () => {
          most = Math.max(most, ++under);
          await new Promise((resolve) => setTimeout(resolve, 20));
          under--;
        },
      },
      { concurrency: 4, hasShownRanges: true },
    );
    await outcome;
    await written();
    expect(most).toBe(4);
  });

  it.each([0, 3, 10])(
    'takes what is left of a layer out of the first whole answer, be it to request %i',
    async (first) => {
      const { outcome, source, board, written } = await run(
        two,
        { ignoresRanges: ({ number }) => number >= first, cut: [97], onSlice: () => nextTurn() },
        { concurrency: 4, hasShownRanges: true },
      );
      await outcome;
      expect(await written()).toEqual(fillPacks(two.plan, two.blobs));
      expectComplete(board, two.plan.groups);
      expect(source.openBodies).toBe(0);
    },
  );

  it.each([0, 3, 10])(
    'keeps the total true where request %i is answered with the whole layer',
    async (first) => {
      const { outcome, written, received, replanned } = await run(
        two,
        { ignoresRanges: ({ number }) => number >= first, cut: [1], onSlice: () => nextTurn() },
        { concurrency: 4, hasShownRanges: true },
      );
      await outcome;
      await written();
      const planned = two.plan.groups.reduce((sum, { range }) => sum + range.end - range.start, 0);
      expect(replanned()).not.toBe(0);
      expect(planned + replanned()).toBe(received());
    },
  );

  it('reads only one of several whole answers', async () => {
    const begun: number[] = [];
    const { outcome, written } = await run(
      imageOf([scattered(8)]),
      {
        ignoresRanges: true,
        onSlice: ({ number }) => {
          if (begun.at(-1) !== number) begun.push(number);
        },
      },
      { concurrency: 8, hasShownRanges: true },
    );
    await outcome;
    await written();
    expect(begun).toHaveLength(1);
  });

  it('has nothing to do without groups', async () => {
    const { outcome, source } = await run({ plan: planFetch([], nothingStored, OPTIONS), blobs: [] });
    await outcome;
    expect(source.log).toEqual([]);
  });

  it.each([1, 3])(
    'takes all groups of a layer out of a whole answer, over %i connections',
    async (concurrency) => {
      const { outcome, source, board, tallies, written } = await run(
        two,
        { ignoresRanges: true, cut: [997, 13] },
        { concurrency },
      );
      await outcome;
      expect(await written()).toEqual(fillPacks(two.plan, two.blobs));
      expectComplete(board, two.plan.groups);
      expect(source.log.map(({ digest }) => digest)).toEqual(
        two.blobs.map((blob) => descriptorOf(blob).digest),
      );
      expect(tallies.map(({ requests }) => requests)).toEqual([1, 1]);
      expect(source.openBodies).toBe(0);
    },
  );

  it('reads no further in a whole answer than it needs', async () => {
    const image = imageOf([
      [
        { seed: 1, compressedSize: 100 },
        { seed: 2, compressedSize: 100, gap: 5000 },
      ],
    ]);
    const blobs = image.blobs.map((blob) => Buffer.concat([blob, randomBytes(1 << 20)]));
    const { outcome, received, source, written } = await run(
      { ...image, blobs },
      { ignoresRanges: true, cut: [1000] },
    );
    await outcome;
    await written();
    expect(received()).toBeLessThan(7000);
    expect(source.openBodies).toBe(0);
  });

  it('fetches large groups in many slices', async () => {
    const layer = {
      kind: 'plain' as const,
      digest: descriptorOf(Buffer.alloc(0)).digest,
      compressedSize: 20 << 20,
    };
    const blob = randomBytes(layer.compressedSize);
    const image = { plan: planFetch([layer], nothingStored, OPTIONS), blobs: [blob] };
    const { outcome, written } = await run(image);
    await outcome;
    expect((await written()).get(0)?.equals(blob)).toBe(true);
  });
});

describe('a transfer of a layer whose end has been fetched', () => {
  const size = 17 << 20;
  const blob = randomBytes(size);
  const layer = (tail: BlobTail): PlanLayer => ({
    kind: 'plain',
    digest: descriptorOf(blob).digest,
    compressedSize: size,
    tail,
  });
  const before = 1000;

  /** A file that holds the blob from `start` on, and other things around it. */
  function withEnd(start: number): Image {
    const path = join(newDirectory(), 'scratch');
    writeFileSync(path, Buffer.concat([randomBytes(before), blob.subarray(start), randomBytes(10)]));
    return {
      plan: planFetch([layer({ start, path, offset: before })], nothingStored, OPTIONS),
      blobs: [blob],
    };
  }

  it.each([
    ['in the last group', size - 5, 3],
    ['with the last group', 16 << 20, 2],
    ['in the group before the last', 10 << 20, 2],
    ['in the first group', 100, 1],
    ['with the blob', 0, 0],
  ])('that begins %s asks for no byte of it', async (_, start, requests) => {
    const image = withEnd(start);
    const { outcome, source, board, written, received } = await run(image);
    await outcome;
    expect((await written()).get(0)?.equals(blob)).toBe(true);
    expectComplete(board, image.plan.groups);
    expect(source.log).toHaveLength(requests);
    expect(received()).toBe(start);
  });

  it('takes a whole answer for what it is', async () => {
    const image = withEnd(10 << 20);
    const { outcome, source, board, written } = await run(image, { ignoresRanges: true });
    await outcome;
    expect((await written()).get(0)?.equals(blob)).toBe(true);
    expectComplete(board, image.plan.groups);
    expect(source.log).toHaveLength(1);
  });

  it('fails where the file is gone', async () => {
    const tail = { start: 10 << 20, path: join(newDirectory(), 'gone'), offset: 0 };
    const plan = planFetch([layer(tail)], nothingStored, OPTIONS);
    const { outcome, source, written } = await run({ plan, blobs: [blob] });
    await rejected('STORE_FAILED', outcome);
    expect(source.openBodies).toBe(0);
    await written();
  });
});

describe('a transfer that fails', () => {
  const image = imageOf([scattered(12)]);
  const failure = new PullError('REGISTRY_UNAVAILABLE', 'gone');

  it('throws the first failure, and asks for no more', async () => {
    const { outcome, source, written } = await run(image, {
      onRequest: ({ number }) => {
        if (number === 4) throw failure;
      },
    });
    expect(await rejected('REGISTRY_UNAVAILABLE', outcome)).toBe(failure);
    expect(source.log.length).toBeLessThanOrEqual(4 + 3);
    expect(source.openBodies).toBe(0);
    await written();
  });

  it('stops the requests under way, and has let go of everything when it settles', async () => {
    const aborted: number[] = [];
    const { outcome, source, written } = await run(image, {
      onSlice: async ({ number }, _position, signal) => {
        if (number === 0) return;
        if (number === 3) throw failure;
        await new Promise<void>((resolve) =>
          signal.addEventListener('abort', () => resolve(), { once: true }),
        );
        aborted.push(number);
      },
    });
    expect(await rejected('REGISTRY_UNAVAILABLE', outcome)).toBe(failure);
    expect(aborted.length).toBeGreaterThan(0);
    expect(source.openBodies).toBe(0);
    await written();
  });

  it('fails at the first request of a layer as at any other', async () => {
    const { outcome, source, written } = await run(image, {
      onRequest: () => {
        throw failure;
      },
    });
    expect(await rejected('REGISTRY_UNAVAILABLE', outcome)).toBe(failure);
    expect(source.log.length).toBeLessThanOrEqual(3);
    await written();
  });

  it('ends when it is cancelled', async () => {
    const cancel = new AbortController();
    const { outcome, source, written } = await run(
      image,
      {
        onSlice: ({ number }) => {
          if (number === 2) cancel.abort();
        },
      },
      { signal: cancel.signal },
    );
    await expect(outcome).rejects.toMatchObject({ name: 'AbortError' });
    expect(source.log.length).toBeLessThanOrEqual(2 + 3);
    expect(source.openBodies).toBe(0);
    await written();
  });

  it('ends before it begins when it is cancelled already', async () => {
    const { outcome, written } = await run(image, {}, { signal: AbortSignal.abort() });
    await expect(outcome).rejects.toMatchObject({ name: 'AbortError' });
    expect(await written()).toEqual(new Map());
  });

  it.each([false, true])(
    'does not take a body that ends too early for complete (whole answer: %s)',
    async (ignoresRanges) => {
      const { outcome, written } = await run(image, { ignoresRanges, cut: [20], endsAfter: 20 });
      await rejected('RESPONSE_INVALID', outcome);
      await written();
    },
  );

  it('throws what the pack throws', async () => {
    const full = new PullError('DISK_FULL', 'no space left');
    const outcome = transfer(image.plan.groups, {
      source: createFakeSource({ blobs: image.blobs }),
      descriptors: image.blobs.map((blob) => descriptorOf(blob)),
      tallies: createTally(1),
      pack: () => Promise.reject(full),
      board: ProgressBoard.create(image.plan.groups.length),
      concurrency: 2,
      emit: () => undefined,
      signal: new AbortController().signal,
    });
    expect(await rejected('DISK_FULL', outcome)).toBe(full);
  });
});
