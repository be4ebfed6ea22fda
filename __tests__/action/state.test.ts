import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatSavePlan, MAX_STATE_BYTES, parseSavePlan } from '../../src/action/state.ts';
import { MAX_PACKS } from '../../src/cache/head.ts';
import type { SavePlan } from '../../src/cache/save.ts';
import { imageIdentity } from '../support/cache-flow.ts';

const pack = (index: number) => {
  const key = index.toString(16).padStart(40, '0');
  return {
    key,
    path: `/runner/_work/_temp/oci-pull/store/v1/packs/${key}.pack`,
    size: 128_000_000,
    liveBytes: 5,
  };
};

const plan: SavePlan = {
  prefix: 'oci-pull-v1',
  restored: {
    image: imageIdentity(),
    headKey: 'oci-pull-v1-head-x',
    packs: [{ key: pack(1).key, fate: 'fetched' }],
  },
  newPacks: [pack(2)],
  livePacks: [pack(1), pack(2)],
};

const altered = (change: (value: Record<string, never>) => void) => {
  const value = JSON.parse(formatSavePlan(plan));
  change(value);
  return JSON.stringify(value);
};

describe('the state for the post phase', () => {
  it('comes back as it was', () => {
    expect(parseSavePlan(formatSavePlan(plan))).toEqual(plan);
    const { headKey: _, ...restored } = plan.restored;
    expect(parseSavePlan(formatSavePlan({ ...plan, restored }))).toEqual({ ...plan, restored });
  });

  it('fits into an environment variable with as many packs as a head may list', () => {
    const packs = Array.from({ length: MAX_PACKS }, (_, index) => pack(index));
    const restored = {
      ...plan.restored,
      packs: packs.map(({ key }) => ({ key, fate: 'unusable' as const })),
    };
    const text = formatSavePlan({ ...plan, restored, newPacks: packs, livePacks: packs });
    expect(Buffer.byteLength(text)).toBeLessThan(MAX_STATE_BYTES);
    expect(parseSavePlan(text)?.livePacks).toHaveLength(MAX_PACKS);
  });

  it.each<[string, string]>([
    ['nothing', ''],
    ['no JSON', '{'],
    ['null', 'null'],
    ['a list', '[]'],
    ['another version', altered((value) => Object.assign(value, { version: 2 }))],
    ['a bad prefix', altered((value) => Object.assign(value, { prefix: 'a,b' }))],
    ['no image', altered((value) => Object.assign(value, { restored: { packs: [] } }))],
    ['a relative path', altered((value) => Object.assign(value, { livePacks: [{ ...pack(1), path: 'x' }] }))],
    ['a bad key', altered((value) => Object.assign(value, { livePacks: [{ ...pack(1), key: '../x' }] }))],
    ['a bad size', altered((value) => Object.assign(value, { livePacks: [{ ...pack(1), size: 'big' }] }))],
    ['a bad new key', altered((value) => Object.assign(value, { newKeys: [1] }))],
    [
      'an unknown fate',
      altered((value) =>
        Object.assign(value.restored ?? {}, { packs: [{ key: pack(1).key, fate: 'lost' }] }),
      ),
    ],
  ])('is refused with %s', (_, text) => {
    expect(parseSavePlan(text)).toBeUndefined();
  });

  it('survives any JSON', () => {
    fc.assert(
      fc.property(fc.json(), (text) => {
        expect(parseSavePlan(text)).toBeUndefined();
      }),
    );
  });
});
