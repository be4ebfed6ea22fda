import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatPostWork, MAX_STATE_BYTES, type PostWork, parsePostWork } from '../../src/action/state.ts';
import { MAX_PACKS } from '../../src/cache/head.ts';
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

const plan: PostWork['plan'] = {
  prefix: 'oci-pull-v1',
  restored: {
    image: imageIdentity(),
    headKey: 'oci-pull-v1-head-x',
    form: 'raw',
    packs: [{ key: pack(1).key, fate: 'fetched' }],
  },
  newPacks: [pack(2)],
  livePacks: [pack(1), pack(2)],
};
const work: PostWork = { backend: 'auto', deadlineMs: 90_000, plan };

const altered = (change: (value: Record<string, never>) => void) => {
  const value = JSON.parse(formatPostWork(work));
  change(value);
  return JSON.stringify(value);
};

describe('the state for the post phase', () => {
  it('comes back as it was', () => {
    const { headKey: _head, form: _form, ...bare } = plan.restored;
    const withForm = (form: 'raw' | 'archive') => ({ ...plan.restored, form });
    for (const restored of [withForm('raw'), withForm('archive'), bare])
      for (const backend of ['auto', 'toolkit', 'direct'] as const) {
        const given: PostWork = { backend, deadlineMs: 1000, plan: { ...plan, restored } };
        expect(parsePostWork(formatPostWork(given))).toEqual(given);
      }
  });

  it('fits into an environment variable with as many packs as a head may list', () => {
    const packs = Array.from({ length: MAX_PACKS }, (_, index) => pack(index));
    const restored = {
      ...plan.restored,
      packs: packs.map(({ key }) => ({ key, fate: 'unusable' as const })),
    };
    const text = formatPostWork({ ...work, plan: { ...plan, restored, newPacks: packs, livePacks: packs } });
    expect(Buffer.byteLength(text)).toBeLessThan(MAX_STATE_BYTES);
    expect(parsePostWork(text)?.plan.livePacks).toHaveLength(MAX_PACKS);
  });

  it.each<[string, string]>([
    ['nothing', ''],
    ['no JSON', '{'],
    ['null', 'null'],
    ['a list', '[]'],
    ['another version', altered((value) => Object.assign(value, { version: 2 }))],
    ['no backend', altered((value) => Object.assign(value, { backend: undefined }))],
    ['an unknown backend', altered((value) => Object.assign(value, { backend: 'Auto' }))],
    ['an unknown form', altered((value) => Object.assign(value.restored ?? {}, { form: 'zip' }))],
    ['a form that is null', altered((value) => Object.assign(value.restored ?? {}, { form: null }))],
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
    expect(parsePostWork(text)).toBeUndefined();
  });

  it('survives any JSON', () => {
    fc.assert(
      fc.property(fc.json(), (text) => {
        expect(parsePostWork(text)).toBeUndefined();
      }),
    );
  });
});
