import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseAuthConfig, readEntry } from '../../src/auth/auth-config.ts';
import { PullError } from '../../src/errors.ts';
import { thrown } from '../support/pull-error.ts';

const base64 = (text: string) => Buffer.from(text).toString('base64');
const source = '/home/me/auth.json';
const read = (value: Record<string, unknown>) => readEntry({ key: 'quay.io', value }, source);
const password = (username: string, text: string) => ({
  kind: 'password',
  username,
  password: text,
  source,
});

describe('the credential of an entry', () => {
  it.each<[string, Record<string, unknown>, unknown]>([
    ['a user name and a password', { auth: base64('me:secret') }, password('me', 'secret')],
    ['a password with colons', { auth: base64('me:a:b') }, password('me', 'a:b')],
    ['a password that NULs follow', { auth: base64('me:secret\0\0') }, password('me', 'secret')],
    ['a password that is not ASCII', { auth: base64('me:pässword') }, password('me', 'pässword')],
    ['base64 over several lines', { auth: 'bWU6\nc2VjcmV0\n' }, password('me', 'secret')],
    ['base64 without padding', { auth: base64('me:s3').replace(/=/g, '') }, password('me', 's3')],
    ['a user name alone', { auth: base64('me:') }, password('me', '')],
    ['two fields', { username: 'me', password: 'secret' }, password('me', 'secret')],
    [
      '"auth" before two fields',
      { auth: base64('me:secret'), username: 'x', password: 'y' },
      password('me', 'secret'),
    ],
    [
      'an identity token before a password',
      { auth: base64('me:'), identitytoken: 'refresh' },
      { kind: 'identity-token', token: 'refresh', source },
    ],
    [
      'an identity token as a password',
      { auth: base64('<token>:refresh') },
      { kind: 'identity-token', token: 'refresh', source },
    ],
    [
      'a registry token before all others',
      { auth: base64('me:secret'), identitytoken: 'refresh', registrytoken: 'access\n' },
      { kind: 'registry-token', token: 'access', source },
    ],
    ['nothing', {}, undefined],
    ['what is no secret', { email: 'me@example.com', auth: '', identitytoken: null }, undefined],
    ['nothing on both sides', { auth: base64(':') }, undefined],
  ])('is %s', (_, value, expected) => {
    expect(read(value)).toEqual(expected);
  });

  it.each<[string, Record<string, unknown>]>([
    ['what is not base64', { auth: 'hunter2!' }],
    ['what has no colon', { auth: base64('hunter2') }],
    ['what is not UTF-8', { auth: Buffer.from([0x61, 0x3a, 0xff]).toString('base64') }],
    ['a number', { auth: 12345678 }],
    ['a token of two lines', { registrytoken: 'hunter2\nhunter2' }],
  ])('is not %s, and the message names the file but no secret', (_, value) => {
    const { message, cause } = thrown('CONFIG_INVALID', () => read(value));
    expect(message).toContain(`${source}: the login for "quay.io"`);
    expect(`${message}${cause}`).not.toMatch(/hunter2|aHVudGVyMg|12345678/);
  });
});

describe('a file of logins', () => {
  it('gives entries by canonical key, the usual spelling first', () => {
    const text = JSON.stringify({
      auths: { 'https://quay.io/v1/': { auth: 'old' }, 'quay.io': { auth: 'new' }, 'quay.io/team': null },
    });
    const { entries } = parseAuthConfig(text, source, 'config');
    expect(entries.get('quay.io')?.map((entry) => entry.key)).toEqual(['quay.io', 'https://quay.io/v1/']);
    expect(entries.get('quay.io/team')).toEqual([{ key: 'quay.io/team', value: {} }]);
  });

  it('names helpers, for registries and for all others', () => {
    const text = JSON.stringify({
      credsStore: 'desktop',
      credHelpers: { 'https://index.docker.io/v1/': 'pass', 'docker.io': 'hub', 'quay.io': '' },
    });
    const { helpers, store } = parseAuthConfig(text, source, 'config');
    expect(store).toBe('desktop');
    expect([...helpers]).toEqual([
      ['docker.io', { key: 'docker.io', name: 'hub' }],
      ['quay.io', { key: 'quay.io', name: '' }],
    ]);
  });

  it('names no helpers where only logins are expected', () => {
    const text = '{"auths":{"a.test":{}},"credsStore":7,"credHelpers":7}';
    const { entries, helpers, store } = parseAuthConfig(text, source, 'logins-only');
    expect([entries.size, helpers.size, store]).toEqual([1, 0, undefined]);
  });

  it('of the oldest kind holds nothing but entries', () => {
    const { entries } = parseAuthConfig(
      '{"https://index.docker.io/v1/":{},"a.test/v1/users":{}}',
      source,
      'dockercfg',
    );
    expect([...entries.keys()]).toEqual(['docker.io', 'a.test']);
  });

  it.each(['', ' \n', '{}', '{"auths":null}', '\ufeff{"auths":{}}'])('may be empty: %j', (text) => {
    expect(parseAuthConfig(text, source, 'config')).toMatchObject({ entries: new Map(), store: undefined });
  });

  it.each([
    ['{"auths":{"quay.io":{"auth":"hunter2"', 'it is not valid JSON'],
    ['hunter2', 'it is not valid JSON'],
    ['["hunter2"]', 'it is not a JSON object'],
    ['{"auths":["hunter2"]}', '"auths" is not an object'],
    ['{"auths":{"quay.io":"hunter2"}}', 'the login for "quay.io" is not an object'],
    ['{"credsStore":["hunter2"]}', '"credsStore" is not a string'],
    ['{"credHelpers":"hunter2"}', '"credHelpers" is not an object'],
    ['{"credHelpers":{"quay.io":{"a":"hunter2"}}}', '"credHelpers": "quay.io" is not a string'],
  ])('is refused when it is %j, without repeating it', (text, fault) => {
    const error = thrown('CONFIG_INVALID', () => parseAuthConfig(text, source, 'config'));
    expect(error.message).toBe(`${source}: ${fault}`);
    expect(error.cause).toBeUndefined();
  });

  it('of any JSON is read or refused', () => {
    const names = fc.constantFrom('auths', 'credHelpers', 'credsStore', 'auth', 'quay.io', '__proto__', 'x');
    const json = fc.letrec((tie) => ({
      value: fc.oneof(
        { maxDepth: 4, withCrossShrink: true },
        fc.oneof(fc.string(), fc.integer(), fc.constant(null), fc.constant(base64('me:secret'))),
        fc.array(tie('value'), { maxLength: 3 }),
        fc.dictionary(names, tie('value'), { maxKeys: 4 }),
      ),
    })).value;
    fc.assert(
      fc.property(
        fc.oneof(json, fc.jsonValue()),
        fc.constantFrom('config' as const, 'dockercfg' as const, 'logins-only' as const),
        (value, format) => {
          try {
            const { entries } = parseAuthConfig(JSON.stringify(value), source, format);
            for (const entry of [...entries.values()].flat()) readEntry(entry, source);
          } catch (error) {
            expect(error).toBeInstanceOf(PullError);
            expect(error).toMatchObject({ code: 'CONFIG_INVALID' });
          }
        },
      ),
      { numRuns: 500 },
    );
  });

  it('of any text is read or refused', () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        try {
          expect(parseAuthConfig(text, source, 'config').source).toBe(source);
        } catch (error) {
          expect(error).toMatchObject({ code: 'CONFIG_INVALID' });
        }
      }),
    );
  });
});
