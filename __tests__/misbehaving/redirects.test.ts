// Redirects: where they may lead, what goes along, and URLs that expire.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createAuthority } from '../support/certificates.ts';
import { fixtureLayout } from '../support/fixture-image.ts';
import { startRegistry, type TestRegistry } from '../support/registry.ts';
import { LOGIN, type Log, type Row, testRows } from './row.ts';

const directory = mkdtempSync(join(tmpdir(), 'redirects-'));
afterAll(() => rmSync(directory, { recursive: true, force: true }));
const authority = createAuthority(directory);
/** An address of this machine that does not count as loopback: there https is the rule. */
const hostname = '0.0.0.0';
const tls = authority.issue(`IP:${hostname}`, 'IP:127.0.0.1');
const TRUST = { NODE_EXTRA_CA_CERTS: authority.path };
const basic = { kind: 'basic', ...LOGIN } as const;
const redirect = { blobs: 'redirect' } as const;

const nothingElsewhere = ({ all }: Log) =>
  expect(all.filter(({ path }) => !path.startsWith('/v2/'))).toEqual([]);

/** The registry is asked for each blob once; the URL it gave is used from then on. */
const onceEach = ({ of, layer }: Log) => {
  expect(of(/\/blobs\//).map(({ path }) => path)).toEqual([
    ...new Set(of(/\/blobs\//).map(({ path }) => path)),
  ]);
  expect(layer.some(({ origin }) => origin === 'storage')).toBe(true);
};

const rows: readonly Row[] = [
  {
    name: 'redirects blobs to another origin, which gets no credential',
    registry: { ...redirect, auth: basic },
    login: true,
    outcome: {},
    log: (log) => {
      onceEach(log);
      expect(log.of('/v2/').some(({ authorization }) => authorization === 'basic')).toBe(true);
    },
  },
  {
    name: 'redirects to URLs that are good for two requests, and cuts connections',
    registry: { ...redirect, urlUses: 2, auth: basic },
    faults: [{ kind: 'cut', bytes: 300_000, on: '/storage/' }],
    login: true,
    outcome: {},
    log: ({ of }) =>
      expect(of(/\/storage\//).filter(({ status }) => status === 403).length).toBeGreaterThan(2),
  },
  ...[400, 401, 403].map(
    (status): Row => ({
      name: `redirects to a storage that answers ${status} to a URL whose time is over`,
      registry: redirect,
      faults: ({ layers }) => [
        ...layers.map(
          ({ digest }) => ({ kind: 'status', status, on: `/storage/${digest}`, times: 1, after: 1 }) as const,
        ),
        { kind: 'cut', bytes: 150_000, on: '/storage/' },
      ],
      outcome: {},
      log: ({ of }) => expect(of('/blobs/').length).toBeGreaterThan(3),
    }),
  ),
  {
    name: 'redirects to a storage that refuses every URL',
    registry: redirect,
    faults: ({ layer }) => [
      { kind: 'status', status: 403, on: `/storage/${layer.digest}`, body: '<Error/>' },
    ],
    outcome: { code: 'UNAUTHORIZED', message: /blob sha256:[0-9a-f]{64} .* answered 403/ },
    log: ({ layer }) => expect(layer.length).toBeLessThanOrEqual(10),
  },
  {
    name: 'redirects to a storage that cuts every connection after 256 KiB',
    registry: redirect,
    faults: [{ kind: 'cut', bytes: 256 * 1024, on: '/storage/' }],
    outcome: {},
    log: onceEach,
  },
  {
    name: 'redirects to a storage that ignores ranges',
    kind: 'chunked',
    registry: redirect,
    faults: [{ kind: 'ignore-ranges', on: '/storage/' }],
    outcome: { ways: ['whole', 'whole'], reason: /ignores ranges/ },
  },
  {
    name: 'redirects three times, with targets relative to where they stand',
    faults: [
      { kind: 'redirect', to: (path) => `${path}?one`, on: /\/blobs\/sha256:[0-9a-f]+$/ },
      { kind: 'redirect', to: '?two', status: 302, on: /\?one$/ },
      { kind: 'redirect', to: '?three', status: 308, on: /\?two$/ },
    ],
    outcome: {},
  },
  {
    name: 'redirects in a circle',
    faults: [{ kind: 'redirect', to: (path) => path, on: '/blobs/' }],
    outcome: { code: 'RESPONSE_INVALID', message: /more than \d+ redirects/ },
    log: ({ of }) => expect(of('/blobs/').length).toBeLessThanOrEqual(8),
  },
  ...(
    [
      ['nowhere', '', /redirect without a valid target/],
      ['another scheme', 'ftp://registry.test/blob', /ftp:\/\/registry\.test/],
      ['a link-local address', 'http://169.254.169.254/latest', /169\.254\.169\.254/],
      ['a URL with a password in it', 'http://me:secret@127.0.0.1/blob', /user name in it/],
    ] as const
  ).map(
    ([what, to, message]): Row => ({
      name: `redirects to ${what}`,
      kind: 'plain',
      faults: [{ kind: 'redirect', to, on: '/blobs/' }],
      outcome: { code: 'RESPONSE_INVALID', message },
    }),
  ),
  {
    name: 'redirects to https elsewhere',
    registry: { ...redirect, tls, hostname, auth: basic },
    env: TRUST,
    login: true,
    outcome: {},
    log: onceEach,
  },
  {
    name: 'redirects from https to http',
    registry: { tls, hostname, auth: basic },
    env: TRUST,
    login: true,
    faults: [{ kind: 'redirect', to: (path) => `http://${hostname}:1${path}`, on: '/blobs/' }],
    outcome: { code: 'RESPONSE_INVALID', message: /leads to http:\/\/0\.0\.0\.0:1, which is not https/ },
    log: nothingElsewhere,
  },
  {
    name: 'speaks HTTP/2 to those who can, but is spoken to in HTTP/1.1',
    registry: { ...redirect, tls: { ...tls, http2: true }, hostname },
    env: TRUST,
    outcome: {},
    log: ({ all }) => expect(new Set(all.map(({ httpVersion }) => httpVersion))).toEqual(new Set(['1.1'])),
  },
];

describe('a server that', () => testRows(rows));

describe('two storages that serve ranges differently', () => {
  let storages: readonly TestRegistry[];
  beforeAll(async () => {
    const images = [{ repository: 'fx', layout: fixtureLayout('zstd-chunked') }];
    storages = await Promise.all([
      startRegistry({ images }),
      startRegistry({ images, faults: [{ kind: 'ignore-ranges' }] }),
    ]);
  });
  afterAll(async () => {
    for (const storage of storages) await storage.close();
  });

  let turn = 0;
  /** Each redirect leads to the other one. */
  const alternate = (path: string) => `http://${storages[turn++ % 2]?.host}${path}`;

  testRows([
    {
      name: 'are told apart by their origins',
      kind: 'chunked',
      faults: [{ kind: 'redirect', to: alternate, on: '/blobs/' }],
      outcome: { ways: expect.arrayContaining(['whole']), sizes: 1.1 },
    },
  ]);

  it('were both asked', () => {
    for (const { requests } of storages) {
      expect(requests.length).toBeGreaterThan(0);
      expect(requests.every(({ authorization }) => authorization === undefined)).toBe(true);
    }
  });
});
