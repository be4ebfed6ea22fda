// Random stacks of layers, as images in a registry, become the tree of the model through the whole program: network, cache, threads.
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { OWNERS } from '../support/unpack-room.ts';
import { stacks } from './arbitraries.ts';
import { expectTree, IMAGE_FAULTS } from './check.ts';
import {
  chunkedDamage,
  chunkedLayer,
  damageOptions,
  forChunked,
  imageLayers,
  layerFormats,
} from './images.ts';
import { openPulls, type PullOutcome, type Pulls } from './pulls.ts';
import { fuzz, isReplay, TIMEOUT } from './settings.ts';
import { type Settled, settle } from './settle.ts';
import { showStack } from './show.ts';

/** What the program takes for itself: as root, owners and all. */
const OWNER = OWNERS[0] ?? 'runner';
const PROGRAM_FAULTS = ['INTERNAL', 'WORKER_EXITED', 'ABORTED', 'STORE_FAILED', 'DISK_FULL'];

let pulls: Pulls;
beforeAll(async () => {
  pulls = await openPulls();
});
afterAll(() => pulls[Symbol.asyncDispose]());

function expectDone(outcome: PullOutcome, stack: Settled, what: string): void {
  if (outcome.kind === 'failed') throw new Error(`${outcome.complaint}\n${what}\n${showStack(stack)}`);
  expectTree(outcome.root, stack, OWNER);
}

describe('images of random stacks', () => {
  it(
    'become the tree of the model, from the registry and from the cache, or fail where it does',
    async () => {
      await fuzz(fc.tuple(stacks(8), layerFormats), 8, async ([wish, formats]) => {
        const fitting = formats.includes('zstd:chunked') ? forChunked(wish) : wish;
        const stack = settle(fitting, { outside: pulls.outside, forUmoci: false });
        const image = pulls.serve(imageLayers(stack, formats));
        const first = await image.pull('first');
        if (stack.failure === undefined) {
          expectDone(first, stack, String(formats));
          expectDone(await image.pull('second'), stack, `${formats}, again`);
        } else if (first.kind === 'done') throw new Error(`"${stack.failure}" is taken: ${showStack(stack)}`);
        else
          expect(IMAGE_FAULTS, `${first.complaint}\n${formats}\n${showStack(stack)}`).toContain(first.code);
      });
      // A few runs may do without one of them.
      if (!isReplay && !process.env.FUZZ_RUNS)
        expect([...pulls.ways]).toEqual(expect.arrayContaining(['cached', 'ranges']));
    },
    TIMEOUT,
  );

  it(
    'become the tree of the model whatever their chunked layers say of themselves, or fail where their data is damaged',
    async () => {
      const damaged = fc.tuple(stacks(8), chunkedDamage);
      await fuzz(damaged, 8, async ([wish, damage]) => {
        const calm = forChunked({ ...wish, mayFail: false });
        const stack = settle(calm, { outside: pulls.outside, forUmoci: false });
        const options = damageOptions(damage);
        const image = pulls.serve(stack.layers.map((entries) => chunkedLayer(entries, options)));
        const outcome = await image.pull('first');
        const what = JSON.stringify(damage);
        if (damage.data.length === 0 || outcome.kind === 'done') expectDone(outcome, stack, what);
        else expect(PROGRAM_FAULTS, `${outcome.complaint}\n${what}`).not.toContain(outcome.code);
      });
    },
    TIMEOUT,
  );
});
