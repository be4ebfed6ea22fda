// Challenges of every kind, tokens that expire too early or grant too little, and token servers nobody should talk to.
import { describe, expect } from 'vitest';
import type { RegistryAuth } from '../support/registry-auth.ts';
import { LOGIN, type Log, type Row, testRows } from './row.ts';

type Bearer = Extract<RegistryAuth, { kind: 'bearer' }>;

function bearer(more: Partial<Bearer> = {}): { auth: Bearer } {
  return { auth: { kind: 'bearer', ...LOGIN, ...more } };
}

const exchanges = ({ of }: Log) => of(/^\/token/).filter(({ status }) => status === 200);
const once = (log: Log) => expect(exchanges(log)).toHaveLength(1);

/** Ways to write the same challenge. */
const zoo: readonly (readonly [string, (standard: string) => string | string[]])[] = [
  ['in lower case', (text) => text.replace('Bearer realm', 'bearer REALM')],
  ['with blanks around its equals signs', (text) => text.replaceAll('=', ' = ')],
  ['behind one for Negotiate', (text) => ['Negotiate', text]],
  ['behind one for Basic, in the same line', (text) => `Basic realm="a, b=\\"c", ${text}`],
  ['before one for Basic, in the same line', (text) => `${text}, Basic realm="x"`],
  ['in a line of its own, after Basic', (text) => ['Basic realm="registry"', text]],
  ['with an unquoted service', (text) => text.replace(/service="[^"]*"/, 'service=registry')],
  ['behind a scheme with a token68', (text) => `NTLM TlRMTVNTUAAB==, ${text}`],
  ['with parameters nobody knows', (text) => `${text},charset="utf-8",error="invalid_token"`],
];

const tokens: readonly Row[] = [
  {
    name: 'wants a token, and gives one for the whole pull',
    registry: bearer(),
    login: true,
    outcome: {},
    log: (log) => {
      once(log);
      expect(exchanges(log)[0]?.path).toMatch(/scope=repository%3Afx%3Apull/);
    },
  },
  {
    name: 'gives tokens to anybody',
    registry: { auth: { kind: 'bearer' } },
    outcome: {},
    log: (log) => {
      once(log);
      expect(exchanges(log)[0]?.authorization).toBeUndefined();
    },
  },
  {
    name: 'lets tokens expire after three requests, and cuts connections',
    registry: bearer({ tokenUses: 3 }),
    login: true,
    faults: [{ kind: 'cut', bytes: 250_000, on: '/blobs/' }],
    outcome: {},
    log: (log) => {
      const refused = log.of('/v2/').filter(({ status }) => status === 401).length;
      expect(exchanges(log).length).toBeGreaterThan(2);
      expect(exchanges(log).length).toBeLessThanOrEqual(refused);
    },
  },
  {
    name: 'answers 400 to a token that has expired, as ECR Public does',
    kind: 'plain',
    registry: bearer(),
    login: true,
    faults: ({ layer }) => [
      { kind: 'cut', bytes: 500_000, on: layer.digest, times: 1 },
      { kind: 'status', status: 400, on: layer.digest, after: 1, times: 1 },
    ],
    outcome: {},
    log: (log) => expect(exchanges(log)).toHaveLength(2),
  },
  {
    name: 'says that its tokens live for a second',
    registry: bearer({ expiresIn: 1 }),
    login: true,
    outcome: {},
  },
  {
    name: 'calls its token access_token',
    kind: 'plain',
    registry: bearer({ reply: (token) => ({ access_token: token }) }),
    login: true,
    outcome: {},
    log: once,
  },
  {
    name: 'grants less than was asked until its own scope is asked for',
    kind: 'plain',
    registry: bearer({ neededScope: 'repository:fx:pull,push' }),
    login: true,
    outcome: {},
    log: (log) => expect(exchanges(log).length).toBeLessThanOrEqual(2),
  },
  {
    name: 'tells its challenge only at /v2/',
    kind: 'plain',
    registry: bearer(),
    login: true,
    faults: [{ kind: 'status', status: 401, on: '/manifests/', times: 1 }],
    outcome: {},
    log: ({ of }) => expect(of(/^\/v2\/$/)).toHaveLength(1),
  },
  ...zoo.map(
    ([what, challenge]): Row => ({
      name: `writes its challenge ${what}`,
      kind: 'plain',
      registry: bearer({ challenge }),
      login: true,
      outcome: {},
      log: once,
    }),
  ),
];

const refusals: readonly Row[] = [
  {
    name: 'refuses the password at the token server',
    kind: 'plain',
    registry: bearer({ password: 'another' }),
    login: true,
    outcome: {
      code: 'UNAUTHORIZED',
      message: /token for .* answered 401/,
      hint: /credential .*was sent and refused/,
    },
    log: ({ of }) => expect(of(/^\/token/)).toHaveLength(1),
  },
  {
    name: 'refuses the password',
    kind: 'plain',
    registry: { auth: { kind: 'basic', username: LOGIN.username, password: 'another' } },
    login: true,
    outcome: {
      code: 'UNAUTHORIZED',
      message: /manifest v1 .* answered 401/,
      hint: /credential .*was sent and refused/,
    },
    log: ({ all }) => expect(all).toHaveLength(2),
  },
  {
    name: 'refuses a token that it has just given',
    kind: 'plain',
    registry: bearer({ tokenUses: 0 }),
    login: true,
    outcome: {
      code: 'UNAUTHORIZED',
      message: /manifest v1 .* answered 401/,
      hint: /credential .*was sent and refused/,
    },
    log: (log) => expect(exchanges(log).length).toBeLessThanOrEqual(2),
  },
  {
    name: 'gives a token that holds line breaks',
    kind: 'plain',
    registry: bearer({ reply: () => ({ token: 'a\r\nx-evil: 1' }) }),
    login: true,
    outcome: { code: 'RESPONSE_INVALID', message: /no usable token/ },
  },
  ...(
    [
      ['that is no URL', 'not a url'],
      ['of a cloud', 'http://169.254.169.254/token'],
      ['of another scheme', 'file:///etc/passwd'],
    ] as const
  ).map(
    ([what, realm]): Row => ({
      name: `names a token server ${what}`,
      kind: 'plain',
      registry: bearer({ realm }),
      login: true,
      outcome: { code: 'RESPONSE_INVALID', message: /challenge|realm/ },
      log: ({ all }) => expect(all).toHaveLength(1),
    }),
  ),
];

describe('a server that', () => {
  testRows(tokens);
  testRows(refusals);
});
