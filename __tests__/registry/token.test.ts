import { describe, expect, it } from 'vitest';
import { parseChallenges } from '../../src/registry/challenge.ts';
import { parseTokenReply, tokenUrl } from '../../src/registry/token.ts';

const reply = (value: unknown) => Buffer.from(JSON.stringify(value));

describe('parseTokenReply', () => {
  it.each([
    [{ token: 'a' }, 'a'],
    [{ access_token: 'b' }, 'b'],
    [{ token: 'a', access_token: 'b' }, 'a'],
    [{ token: '', access_token: 'b' }, 'b'],
  ])('takes the token of %j', (body, value) => {
    expect(parseTokenReply(reply(body), 0)?.value).toBe(value);
  });

  it.each([
    [{}],
    [null],
    [[]],
    ['token'],
    [{ token: 1 }],
    [{ token: 'a\r\nx-injected: 1' }],
    [{ token: 'a b' }],
  ])('finds no token in %j', (body) => {
    expect(parseTokenReply(reply(body), 0)).toBeUndefined();
  });

  it('finds no token in what is not JSON', () => {
    expect(parseTokenReply(Buffer.from('<html>'), 0)).toBeUndefined();
  });

  it.each([
    [undefined, 48_000],
    [0, 48_000],
    [5, 48_000],
    ['never', 48_000],
    [300, 240_000],
    ['300', 240_000],
  ])('renews a token that expires in %s s after %d ms', (expiry, refreshAt) => {
    expect(parseTokenReply(reply({ token: 'a', expires_in: expiry }), 0)?.refreshAt).toBe(refreshAt);
  });
});

describe('tokenUrl', () => {
  const challenge = (header: string) => parseChallenges(header)[0] ?? { scheme: '', parameters: new Map() };

  it('adds service and scope to the realm and keeps its own query', () => {
    const url = tokenUrl(
      challenge('Bearer realm="https://a.example/t?x=1",service="the service"'),
      'repository:a/b:pull',
    );
    expect(Object.fromEntries(url.searchParams)).toEqual({
      x: '1',
      service: 'the service',
      scope: 'repository:a/b:pull',
      client_id: 'oci-pull-action',
    });
  });

  it('refuses a realm that is no URL', () => {
    expect(() => tokenUrl(challenge('Bearer realm="/token"'), 's')).toThrow(
      expect.objectContaining({ code: 'RESPONSE_INVALID' }),
    );
  });
});
