import { expect, it } from 'vitest';
import type { PullEvent } from '../../src/progress/events.ts';
import { describeLayer } from '../../src/progress/layer-line.ts';

type LayerEvent = Extract<PullEvent, { kind: 'layer' }>;

const digest = `sha256:${'0123456789abcdef'.repeat(4)}`;
const base = { kind: 'layer', index: 1, digest, ranges: 0, missing: 0, cached: 0 } as const;

it('tells that a layer is had once more', () => {
  const event = { ...base, way: 'ranges', ranges: 1, missing: 1e7, isAgain: true } as const;
  expect(describeLayer(event)).toBe('layer 2 sha256:0123456789ab again: 1 range, 10.0 MB to fetch');
});

it.each<[string, Omit<LayerEvent, keyof typeof base> & Partial<LayerEvent>]>([
  ['cached, 2.00 kB at hand', { way: 'cached', cached: 2000 }],
  ['on this machine, 2.00 kB at hand', { way: 'local', cached: 2000 }],
  ['12 ranges, 10.0 MB to fetch, 90.0 MB at hand', { way: 'ranges', ranges: 12, missing: 1e7, cached: 9e7 }],
  ['1 range, 10.0 MB to fetch', { way: 'ranges', ranges: 1, missing: 1e7 }],
  ['whole, 10.0 MB to fetch', { way: 'whole', ranges: 2, missing: 1e7 }],
  [
    'whole: the server ignores ranges, 10.0 MB to fetch',
    { way: 'whole', reason: 'the server ignores ranges', missing: 1e7 },
  ],
])('tells of a layer: %s', (expected, changes) => {
  expect(describeLayer({ ...base, ...changes })).toBe(`layer 2 sha256:0123456789ab: ${expected}`);
});
