import { expect, it } from 'vitest';
import type { PackFate } from '../../src/cache/pack-carrier.ts';
import { needsSave, withoutMixed } from '../../src/cache/save-plan.ts';
import { imageIdentity, PREFIX } from '../support/cache-flow.ts';

const keyOf = (name: string) => name.repeat(40);
const pack = (name: string) => ({ key: keyOf(name), path: `/packs/${name}`, size: 10, liveBytes: 10 });

function planOf(fresh: string, live: string, fates: Readonly<Record<string, PackFate>> = {}) {
  const packs = Object.entries(fates).map(([name, fate]) => ({ key: keyOf(name), fate }));
  const [newPacks, livePacks] = [fresh, live].map((names) => [...names].map(pack)) as [
    ReturnType<typeof pack>[],
    ReturnType<typeof pack>[],
  ];
  return { prefix: PREFIX, restored: { image: imageIdentity(), packs }, newPacks, livePacks };
}

it.each<[string, Parameters<typeof planOf>, string, [fresh: string, live: string]]>([
  ['all of them where none is mixed', ['a', 'abc'], '', ['a', 'abc']],
  ['none that is mixed', ['a', 'abc'], 'b', ['a', 'ac']],
  ['none that is mixed, be it new', ['a', 'abc'], 'a', ['', 'bc']],
  ['those that have just come from this cache', ['a', 'abc', { b: 'fetched' }], 'bc', ['a', 'ab']],
  ['none of which the cache only says that it has them', ['', 'ab', { b: 'local' }], 'b', ['', 'a']],
  ['none that was fetched and made again', ['b', 'ab', { b: 'fetched' }], 'b', ['', 'a']],
])('of the packs of a shared store are saved: %s', (_, given, mixed, [fresh, live]) => {
  const plan = planOf(...given);
  const { newPacks, livePacks } = withoutMixed(plan, new Set([...mixed].map(keyOf)));
  expect({ newPacks, livePacks }).toEqual({
    newPacks: [...fresh].map(pack),
    livePacks: [...live].map(pack),
  });
});

it('leaves nothing to save where all are mixed', () => {
  expect(needsSave(planOf('', 'a'))).toBe(true);
  expect(needsSave(withoutMixed(planOf('', 'a'), new Set([keyOf('a')])))).toBe(false);
});
