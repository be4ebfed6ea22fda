// Bodies that break off, crawl, fall silent, or hold other bytes than they should.
import { describe, expect } from 'vitest';
import { layerPlaces } from '../support/layer-places.ts';
import type { Log, Row } from './row.ts';
import { testRows } from './row.ts';

/** Body bytes that went out for the layer. */
function sentOf({ layer }: Log): number {
  return layer.reduce((sum, { sent }) => sum + sent, 0);
}

/** A break loses no byte, for the client or on the wire. */
const lossless = (log: Log) => expect(sentOf(log)).toBeLessThanOrEqual(1.02 * log.image.layer.size);

/** An offset in the largest layer that every kind of pull reads. */
const offsetOf: Record<string, (image: Log['image']) => number> = {
  plain: () => 500_000,
  chunked: ({ layer, bytes }) => layerPlaces(layer, bytes(layer)).chunk,
};

const broken: readonly Row[] = [
  ...[64, 256].map(
    (kibibytes): Row => ({
      name: `cuts every connection after ${kibibytes} KiB`,
      faults: [{ kind: 'cut', bytes: kibibytes * 1024, on: '/blobs/' }],
      outcome: {},
      log: (log) => {
        lossless(log);
        const least = Math.floor(log.image.layer.size / (kibibytes * 1024));
        expect(log.layer.length).toBeGreaterThanOrEqual(least);
        expect(log.layer.length).toBeLessThan(least + 8);
      },
    }),
  ),
  {
    name: 'cuts every connection at another place and fails a fifth of all requests',
    faults: [
      ...[7, 11, 13].map((times) => ({ kind: 'cut', bytes: times * 9973, on: '/blobs/', times }) as const),
      { kind: 'status', status: 503, on: '/v2/', share: 0.2 },
    ],
    outcome: {},
    log: lossless,
  },
  {
    name: 'resets a fifth of all connections before it answers',
    faults: [{ kind: 'reset', share: 0.2 }],
    outcome: {},
  },
  {
    name: 'breaks off every body before its first byte, three times',
    faults: ({ layer }) => [{ kind: 'cut', bytes: 0, on: layer.digest, times: 3 }],
    outcome: {},
    log: ({ layer }) => expect(layer.length).toBeGreaterThan(3),
  },
  {
    name: 'cuts every connection before the first byte of a body',
    faults: ({ layer }) => [{ kind: 'cut', bytes: 0, on: layer.digest }],
    outcome: {
      code: 'REGISTRY_UNAVAILABLE',
      message: /blob sha256:[0-9a-f]{64} .*gave up after \d+ attempts/,
    },
    log: ({ layer }) => expect(layer.length).toBeLessThan(30),
  },
  {
    name: 'drips a million bytes a second',
    faults: ({ layer }) => [{ kind: 'drip', bytesPerSecond: 1_000_000, on: layer.digest }],
    outcome: {},
    log: ({ layer }) => expect(layer.length).toBeLessThanOrEqual(3),
  },
];

const silent: readonly Row[] = [
  {
    name: 'falls silent in the middle of a body, once',
    faults: ({ layer }) => [{ kind: 'stall', bytes: 100_000, on: layer.digest, times: 1, after: 0 }],
    outcome: {},
    seconds: 80,
    log: lossless,
  },
  {
    name: 'drips a layer at a hundred bytes a second, once',
    faults: ({ layer }) => [{ kind: 'drip', bytesPerSecond: 100, on: layer.digest, times: 1 }],
    outcome: {},
    seconds: 80,
  },
  {
    name: 'does not answer a request, once',
    kind: 'plain',
    faults: ({ layer }) => [{ kind: 'silence', on: layer.digest, times: 1 }],
    outcome: {},
    seconds: 80,
  },
];

const other: readonly Row[] = [
  {
    name: 'holds only the beginning of a layer',
    faults: ({ layer }) => [{ kind: 'truncate', size: layer.size - 300, on: layer.digest }],
    outcome: { code: 'SIZE_MISMATCH', message: /blob sha256:[0-9a-f]{64} .*descriptor says \d+/ },
  },
  {
    name: 'sends less than a layer without saying so',
    kind: 'plain',
    faults: ({ layer }) => [{ kind: 'miscount', bytes: -300, on: layer.digest }],
    outcome: { code: 'SIZE_MISMATCH', message: /blob sha256:[0-9a-f]{64} .*ended after/ },
  },
  {
    name: 'sends more than a layer',
    kind: 'plain',
    faults: ({ layer }) => [{ kind: 'miscount', bytes: 300, on: layer.digest }],
    outcome: {},
  },
  ...(['plain', 'chunked'] as const).flatMap((kind): Row[] => [
    {
      name: 'damages a layer on the way, once',
      kind,
      faults: (image) => [
        {
          kind: 'corrupt',
          offset: (offsetOf[kind] ?? (() => 0))(image),
          on: image.layer.digest,
          // The first request of a chunked layer is for its table of contents.
          after: kind === 'chunked' ? 1 : 0,
          times: 1,
        },
      ],
      outcome: { warning: /arrived damaged and is fetched again/, sizes: 2 },
    },
    {
      name: 'damages a layer always',
      kind,
      faults: (image) => [
        { kind: 'corrupt', offset: (offsetOf[kind] ?? (() => 0))(image), on: image.layer.digest },
      ],
      outcome: { code: 'DIGEST_MISMATCH', message: /sha256:[0-9a-f]{64}/ },
      log: ({ layer }) => expect(layer.length).toBeLessThan(12),
    },
  ]),
  {
    name: 'damages the config',
    faults: ({ config }) => [{ kind: 'corrupt', offset: 20, on: config.digest }],
    outcome: { code: 'DIGEST_MISMATCH', message: /config|sha256:[0-9a-f]{64}/ },
    log: ({ layer }) => expect(layer).toEqual([]),
  },
  {
    name: 'sends blobs compressed once more, though nobody asked for it',
    faults: [{ kind: 'header', name: 'content-encoding', value: 'gzip', on: '/blobs/' }],
    outcome: { code: 'RESPONSE_INVALID', message: /content-encoding gzip/ },
  },
];

describe('a server that', () => {
  testRows(silent);
  testRows(broken);
  testRows(other);
});
