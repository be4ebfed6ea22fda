// Statuses that say "not now" and statuses that say "never".
import { describe, expect } from 'vitest';
import type { Fault } from '../support/registry-faults.ts';
import { type Log, type Row, testRows } from './row.ts';

const TRANSIENT = [408, 425, 429, 500, 502, 503, 504, 522, 524];
const MANIFEST = '/manifests/';
const NO_CREDENTIAL = /[Nn]o credential was sent/;

function refuse(status: number, on: string, more: Partial<Extract<Fault, { kind: 'status' }>> = {}): Fault {
  return { kind: 'status', status, on, ...more };
}

/** Milliseconds between the first two requests for the manifest. */
function pause({ of }: Log): number {
  const [first, second] = of(MANIFEST);
  return (second?.at ?? 0) - (first?.at ?? 0);
}

const errors = (code: string, message = '') => JSON.stringify({ errors: [{ code, message }] });

const transient: readonly Row[] = [
  ...TRANSIENT.map(
    (status): Row => ({
      name: `answers ${status} to the first request for anything`,
      kind: 'plain',
      faults: ({ layers, config }) =>
        [MANIFEST, ...layers.map(({ digest }) => digest), config.digest].map((on) =>
          refuse(status, on, { times: 1 }),
        ),
      // A 429 that does not say how long is given much more time.
      seconds: status === 429 ? 100 : 25,
      outcome: {},
      log: ({ all }) => expect(all).toHaveLength(8),
    }),
  ),
  {
    name: 'answers 500 to a fifth of all requests',
    faults: [{ kind: 'status', status: 500, share: 0.2 }],
    outcome: {},
  },
  {
    name: 'answers 503 to every request for a layer',
    faults: ({ layer }) => [refuse(503, layer.digest)],
    outcome: {
      code: 'REGISTRY_UNAVAILABLE',
      message: /blob sha256:.* answered 503 .*gave up after \d+ attempts/,
    },
    log: ({ layer }) => expect(layer.length).toBeLessThanOrEqual(40),
  },
];

/** An outage is borne for a minute and a half, whatever the waits between attempts are made of. */
const endless: readonly Row[] = [
  {
    name: 'answers 500 always',
    kind: 'plain',
    faults: [refuse(500, MANIFEST)],
    seconds: 150,
    outcome: {
      code: 'REGISTRY_UNAVAILABLE',
      message: /manifest v1 .* answered 500 .*gave up after \d+ attempts/,
    },
    log: ({ all }) => expect(all.length).toBeLessThanOrEqual(40),
  },
  {
    name: 'answers 429 without end and without Retry-After',
    kind: 'plain',
    faults: [
      refuse(429, MANIFEST, { body: errors('TOOMANYREQUESTS', 'You have reached your pull rate limit') }),
    ],
    seconds: 150,
    outcome: {
      code: 'RATE_LIMITED',
      message: /answered 429 .*You have reached your pull rate limit.*gave up after \d+ attempts/,
      hint: /[Ss]ign in/,
    },
    log: ({ all }) => expect(all.length).toBeLessThanOrEqual(7),
  },
];

const limited: readonly Row[] = [
  {
    name: 'answers 429 with Retry-After in seconds',
    kind: 'plain',
    faults: [refuse(429, MANIFEST, { times: 1, headers: { 'retry-after': '2' } })],
    realWaits: true,
    outcome: {},
    log: (log) => expect(pause(log)).toBeGreaterThanOrEqual(1990),
  },
  {
    name: 'answers 503 with Retry-After as a date',
    kind: 'plain',
    registry: {
      faults: [
        refuse(503, MANIFEST, {
          times: 1,
          // Late enough to be ahead of a program that has to start first.
          headers: { 'retry-after': new Date(Date.now() + 4000).toUTCString() },
        }),
      ],
    },
    realWaits: true,
    outcome: {},
    log: ({ of }) => expect(of(MANIFEST)).toHaveLength(2),
  },
  {
    name: 'answers 429 with a duration in its text, as GHCR does',
    kind: 'plain',
    faults: [
      refuse(429, '/blobs/', {
        times: 2,
        body: errors('TOOMANYREQUESTS', 'retry-after: 880.092µs, allowed: 44000/minute'),
      }),
    ],
    seconds: 100,
    outcome: {},
  },
  {
    name: 'answers 429 to a layer, which makes all requests wait',
    kind: 'chunked',
    faults: ({ layer }) => [refuse(429, layer.digest, { times: 1, headers: { 'retry-after': '1' } })],
    realWaits: true,
    outcome: {},
    log: ({ layer, all }) => {
      const refused = layer.find(({ status }) => status === 429)?.at ?? 0;
      const meanwhile = all.filter(({ at }) => at > refused + 200 && at < refused + 990);
      expect(meanwhile).toEqual([]);
    },
  },
  {
    name: 'answers 429 and asks to wait an hour',
    kind: 'plain',
    faults: [refuse(429, MANIFEST, { headers: { 'retry-after': '3600' } })],
    realWaits: true,
    outcome: { code: 'RATE_LIMITED', message: /it asks to wait 3600 s, until \d{4}-/ },
    log: ({ all }) => expect(all).toHaveLength(1),
  },
  {
    name: 'says with 403 that there were too many requests',
    kind: 'plain',
    faults: [refuse(403, MANIFEST, { body: errors('TOOMANYREQUESTS', 'slow down') })],
    outcome: { code: 'RATE_LIMITED', message: /slow down/ },
  },
];

const final: readonly Row[] = [
  ...(
    [
      [401, 'UNAUTHORIZED'],
      [403, 'UNAUTHORIZED'],
      [404, 'NOT_FOUND'],
    ] as const
  ).map(
    ([status, code]): Row => ({
      name: `answers ${status} to somebody without a credential`,
      kind: 'plain',
      faults: [refuse(status, MANIFEST)],
      outcome: { code, message: new RegExp(`manifest v1 .* answered ${status}`), hint: NO_CREDENTIAL },
      log: ({ of }) => expect(of(MANIFEST)).toHaveLength(1),
    }),
  ),
  {
    name: 'does not know a layer',
    kind: 'plain',
    faults: ({ layer }) => [refuse(404, layer.digest, { body: errors('BLOB_UNKNOWN', 'blob unknown') })],
    outcome: { code: 'NOT_FOUND', message: /blob sha256:[0-9a-f]{64} .*BLOB_UNKNOWN: blob unknown/ },
    log: ({ layer }) => expect(layer).toHaveLength(1),
  },
  {
    name: 'answers with a page for people where the manifest should be',
    kind: 'plain',
    faults: [
      refuse(200, MANIFEST, { headers: { 'content-type': 'text/html' }, body: '<html>Please log in</html>' }),
    ],
    outcome: { code: 'MANIFEST_INVALID', message: /manifest|JSON|media type/i },
    log: ({ all }) => expect(all.length).toBeLessThanOrEqual(2),
  },
  {
    name: 'sends a manifest without end',
    kind: 'plain',
    faults: [
      refuse(200, MANIFEST, {
        headers: { 'content-type': 'application/vnd.oci.image.manifest.v1+json' },
        body: ' '.repeat(5 * 1024 * 1024),
      }),
    ],
    outcome: { code: 'LIMIT_EXCEEDED', message: /manifest/ },
  },
  {
    name: 'sends another manifest than the digest asked for',
    kind: 'plain',
    faults: [{ kind: 'corrupt', offset: 40, on: MANIFEST }],
    target: ({ digest }) => `@${digest}`,
    outcome: { code: 'DIGEST_MISMATCH', message: /sha256:[0-9a-f]{64}/ },
  },
  {
    name: 'states another digest than that of the manifest it sends',
    kind: 'plain',
    faults: [
      { kind: 'header', name: 'docker-content-digest', value: `sha256:${'0'.repeat(64)}`, on: MANIFEST },
    ],
    outcome: { code: 'DIGEST_MISMATCH', message: /sha256:0{64}/ },
  },
  {
    name: 'states a digest of another algorithm',
    kind: 'plain',
    faults: [
      { kind: 'header', name: 'docker-content-digest', value: `sha512:${'0'.repeat(128)}`, on: MANIFEST },
    ],
    outcome: {},
  },
];

describe('a server that', () => {
  testRows(endless);
  testRows(transient);
  testRows(limited);
  testRows(final);
});
