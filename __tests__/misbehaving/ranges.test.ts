// Servers that ignore ranges, refuse them or get them wrong.
import { describe, expect } from 'vitest';
import type { Fault } from '../support/registry-faults.ts';
import { type Row, testRows } from './row.ts';

const WHOLE = ['whole', 'whole'];
const CUT = 1_000_000;
const cutOnce: Fault = { kind: 'cut', bytes: CUT, on: '/blobs/', after: 1, times: 1 };

/** `bytes a-b/total` with something else in place of its numbers. */
function contentRange(change: (start: number, last: number, total: number) => string): Fault {
  const value = (correct: string) => {
    const [start = 0, last = 0, total = 0] = correct.match(/\d+/g)?.map(Number) ?? [];
    return change(start, last, total);
  };
  return { kind: 'content-range', value, on: '/blobs/' };
}

const wrong206: readonly (readonly [string, Fault])[] = [
  ['of another place', contentRange((start, last, total) => `bytes ${start + 1}-${last + 1}/${total}`)],
  ['of another length', contentRange((start, last, total) => `bytes ${start}-${last - 1}/${total}`)],
  ['of a blob of another size', contentRange((start, last, total) => `bytes ${start}-${last}/${total + 1}`)],
  ['in another unit', contentRange((start, last, total) => `octets ${start}-${last}/${total}`)],
  ['without Content-Range', { kind: 'content-range', value: undefined, on: '/blobs/' }],
];

const rows: readonly Row[] = [
  {
    name: 'honours ranges, and is asked for one closed range at a time',
    kind: 'chunked',
    outcome: {},
    log: ({ layer }) => expect(layer.every(({ status, range }) => status === 206 && range)).toBe(true),
  },
  {
    name: 'ignores ranges',
    kind: 'chunked',
    faults: [{ kind: 'ignore-ranges' }],
    outcome: { ways: WHOLE, reason: /the server ignores ranges/ },
    log: ({ layer }) => expect(layer.filter(({ range }) => range).length).toBeLessThanOrEqual(1),
  },
  {
    name: 'ignores the range of a resumed body',
    kind: 'plain',
    faults: [cutOnce, { kind: 'ignore-ranges' }],
    outcome: { sizes: 1.5 },
    log: ({ layer }) => expect(layer).toHaveLength(2),
  },
  {
    // A pull-through cache fills itself while it answers the first request.
    name: 'ignores the first range of each blob only',
    kind: 'chunked',
    faults: ({ layers }) =>
      layers.map(({ digest }) => ({ kind: 'ignore-ranges', on: digest, times: 1 }) as const),
    outcome: { ways: WHOLE, reason: /ignores ranges/ },
  },
  ...wrong206.map(
    ([what, fault]): Row => ({
      name: `answers 206 ${what}`,
      kind: 'chunked',
      faults: [fault],
      outcome: { ways: WHOLE, reason: /ignores ranges/ },
    }),
  ),
  ...wrong206.map(
    ([what, fault]): Row => ({
      name: `answers 206 ${what} to a resumed body`,
      kind: 'plain',
      faults: [cutOnce, fault],
      outcome: { sizes: 1.5 },
    }),
  ),
  {
    name: 'answers 206 without saying how large the blob is',
    kind: 'chunked',
    faults: [contentRange((start, last) => `bytes ${start}-${last}/*`)],
    outcome: {},
  },
  {
    name: 'answers 206 with another ETag each time',
    faults: [
      ...[...'abc'].map(
        (tag) => ({ kind: 'header', name: 'etag', value: `"${tag}"`, on: '/blobs/', times: 1 }) as const,
      ),
      cutOnce,
    ],
    outcome: { sizes: 1.03 },
  },
  {
    name: 'answers 206 with fewer bytes than its Content-Range says, once',
    kind: 'chunked',
    faults: ({ layer }) => [{ kind: 'miscount', bytes: -500, on: layer.digest, after: 1, times: 1 }],
    outcome: {},
    log: ({ layer }) => expect(layer.at(-1)?.range).toBeDefined(),
  },
  {
    name: 'answers 206 with fewer bytes than its Content-Range says, always',
    kind: 'chunked',
    faults: ({ layer }) => [{ kind: 'miscount', bytes: -500, on: layer.digest, after: 1 }],
    outcome: { code: 'SIZE_MISMATCH', message: /blob sha256:[0-9a-f]{64} .* ended after \d+ of \d+ bytes/ },
    log: ({ layer }) => expect(layer.length).toBeLessThan(20),
  },
  {
    name: 'answers 206 with more bytes than its Content-Range says',
    kind: 'chunked',
    faults: ({ layer }) => [{ kind: 'miscount', bytes: 500, on: layer.digest, after: 1 }],
    // Nobody looks at the surplus: what was asked for has come, and is verified.
    outcome: {},
  },
  ...[false, true].map(
    (lying): Row => ({
      name: `answers 416 to every range${lying ? ', with a Content-Length of which little comes' : ''}`,
      kind: 'chunked',
      faults: [{ kind: 'unsatisfiable', lying, on: '/blobs/' }],
      outcome: { code: 'RESPONSE_INVALID', message: /refuses the range \d+-\d+ of \d+ bytes/ },
      seconds: 10,
      log: ({ layer }) => expect(layer.length).toBeLessThanOrEqual(2),
    }),
  ),
  {
    name: 'answers 416 because its blob is shorter than it should be',
    kind: 'chunked',
    faults: ({ layer }) => [{ kind: 'truncate', size: 1000, on: layer.digest }],
    outcome: { code: 'SIZE_MISMATCH', message: /holds 1000 bytes of it, its descriptor says \d+/ },
    seconds: 10,
  },
  ...[200, 400, 416, 501].map(
    (status): Row => ({
      name: `answers ${status} to many ranges, which nobody asks it for`,
      kind: 'chunked',
      faults: [{ kind: 'many-ranges', status }],
      outcome: {},
      log: ({ all }) => expect(all.some(({ range }) => range?.includes(','))).toBe(false),
    }),
  ),
  ...[400, 501].map(
    (status): Row => ({
      name: `answers ${status} to any range`,
      kind: 'chunked',
      faults: ({ layers }) =>
        layers.map(({ digest }) => ({ kind: 'status', status, on: digest, times: 1 }) as const),
      outcome: { ways: WHOLE, reason: /ignores ranges/ },
    }),
  ),
];

describe('a server that', () => testRows(rows));
