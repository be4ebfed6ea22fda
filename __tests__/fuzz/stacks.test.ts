// Random stacks of layers become the tree that a model of the specification predicts, and that umoci makes of them.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { PullError } from '../../src/errors.ts';
import { isRoot } from '../support/tree.ts';
import { OWNERS } from '../support/unpack-room.ts';
import { stacks } from './arbitraries.ts';
import { type Arena, openArena, openDescriptors, unpackSliced } from './arena.ts';
import { expectTree, IMAGE_FAULTS } from './check.ts';
import { tarsOf } from './encode.ts';
import { fuzz, TIMEOUT } from './settings.ts';
import { type Settled, settle } from './settle.ts';
import { showStack } from './show.ts';
import { hasUmoci, unpackWithUmoci } from './umoci.ts';
import { expectedOfUmoci } from './umoci-differences.ts';

type Owner = (typeof OWNERS)[number];

let arena: Arena;
beforeAll(() => {
  arena = openArena();
});
afterAll(() => arena[Symbol.dispose]());

/** Unpacks, and expects the model's tree or its failure. */
async function checkAgainstModel(
  stack: Settled,
  tars: readonly Buffer[],
  options: { slices: readonly number[]; owner: Owner },
) {
  const { owner, slices } = options;
  const root = arena.fresh();
  const outcome = await unpackSliced(tars, slices, { root, owner }).catch((error: unknown) => ({ error }));
  arena.expectUntouched();
  if ('error' in outcome && (stack.failure === undefined || !(outcome.error instanceof PullError)))
    throw new Error(`unpacking failed:\n${showStack(stack)}`, { cause: outcome.error });
  if (stack.failure === undefined) expectTree(root, stack, owner);
  else if (!('error' in outcome)) throw new Error(`"${stack.failure}" did not fail:\n${showStack(stack)}`);
  else expect(IMAGE_FAULTS, showStack(stack)).toContain((outcome.error as PullError).code);
}

describe('random stacks of layers', () => {
  it.each(OWNERS)(
    'become the tree of the model with owner %s, or fail where it does, and leave nothing open',
    async (owner) => {
      const before = openDescriptors();
      await fuzz(stacks(), 150, async (wish) => {
        const stack = settle(wish, { outside: arena.outside, forUmoci: false });
        await checkAgainstModel(stack, tarsOf(stack), { slices: wish.slices, owner });
      });
      expect(openDescriptors()).toBeLessThanOrEqual(before);
    },
    TIMEOUT,
  );
});

describe.skipIf(!hasUmoci)('random stacks of layers (needs umoci 0.4.7 and root)', () => {
  let place: string;
  beforeAll(() => {
    place = mkdtempSync(join(tmpdir(), 'fuzz-umoci-'));
  });
  afterAll(() => rmSync(place, { recursive: true, force: true }));

  it(
    'become what umoci makes of them, but for what the table of differences names',
    async () => {
      await fuzz(stacks(), 500, async (wish) => {
        const stack = settle(wish, { outside: arena.outside, forUmoci: true });
        const tars = tarsOf(stack);
        await checkAgainstModel(stack, tars, { slices: wish.slices, owner: 'preserve' });
        const peer = unpackWithUmoci(join(place, 'it'), stack, tars);
        if (stack.failure !== undefined) {
          if ('root' in peer) throw new Error(`umoci takes "${stack.failure}":\n${showStack(stack)}`);
        } else if ('complaint' in peer) throw new Error(`umoci: ${peer.complaint}\n${showStack(stack)}`);
        else {
          expectTree(peer.root, stack, 'preserve', expectedOfUmoci(stack.model));
        }
      });
    },
    TIMEOUT,
  );
});

it('is compared with umoci 0.4.7 wherever CI runs as root', () => {
  // In CI, as root, a missing umoci would quietly skip the comparison.
  expect(hasUmoci || !isRoot() || !process.env.CI).toBe(true);
});
