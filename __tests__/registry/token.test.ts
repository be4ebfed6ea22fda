import { describe, expect, it } from 'vitest';
import { parseChallenges } from '../../src/registry/challenge.ts';
import { bearerAuthorization, parseTokenReply, tokenForm, tokenUrl } from '../../src/registry/token.ts';

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
    [{ token: 'a', refresh_token: 'r' }, 'r'],
    [{ token: 'a', refresh_token: '' }, undefined],
    [{ token: 'a', refresh_token: 1 }, undefined],
    [{ token: 'a', refresh_token: 'xxxxxxxxxxxxxxxx\ne\na' }, undefined],
    [{ token: 'a', refresh_token: 'r r' }, undefined],
    [{ token: 'a' }, undefined],
  ])('takes the refresh token of %j', (body, refreshToken) => {
    expect(parseTokenReply(reply(body), 0)?.refreshToken).toBe(refreshToken);
  });

  it('counts from here and now, whatever the clock of the server says', () => {
    const body = { token: 'a', expires_in: 100, issued_at: '2001-01-01T00:00:00Z' };
    expect(parseTokenReply(reply(body), 5000)?.refreshAt).toBe(85_000);
  });

  it.each([
    [undefined, 48_000],
    [-300, 48_000],
    [1e308, Number.POSITIVE_INFINITY],
    [0, 48_000],
    [5, 48_000],
    ['never', 48_000],
    [300, 240_000],
    ['300', 240_000],
  ])('renews a token that expires in %s s after %d ms', (expiry, refreshAt) => {
    expect(parseTokenReply(reply({ token: 'a', expires_in: expiry }), 0)?.refreshAt).toBe(refreshAt);
  });
});

const challenge = (header: string) => parseChallenges(header)[0] ?? { scheme: '', parameters: new Map() };

describe('tokenUrl', () => {
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

  it('names each of several scopes by itself, and takes the place of the scopes of the realm', () => {
    const url = tokenUrl(
      challenge('Bearer realm="https://a.example/t?scope=x"'),
      ' a:b:pull  c:d:pull,push ',
    );
    expect(url.searchParams.getAll('scope')).toEqual(['a:b:pull', 'c:d:pull,push']);
  });

  it('refuses a realm that is no URL', () => {
    expect(() => tokenUrl(challenge('Bearer realm="/token"'), 's')).toThrow(
      expect.objectContaining({ code: 'RESPONSE_INVALID' }),
    );
  });
});

describe('tokenForm', () => {
  it('holds the grant, service and scopes, encoded', () => {
    const header = 'Bearer realm="https://a.example/t",service="the service"';
    const grant = { grant_type: 'refresh_token', refresh_token: 'a+b&c=d' } as const;
    const form = tokenForm(challenge(header), 'a:b:pull  c:d:pull', grant);
    expect(form).not.toContain('a+b&c=d');
    expect(Object.fromEntries(new URLSearchParams(form))).toEqual({
      grant_type: 'refresh_token',
      refresh_token: 'a+b&c=d',
      service: 'the service',
      client_id: 'oci-pull-action',
      scope: 'a:b:pull c:d:pull',
    });
  });
});

describe('bearerAuthorization', () => {
  const token = (value: string) => ({ kind: 'registry-token', token: value, source: 'config.json' }) as const;

  it('sends the token as it is', () => {
    expect(bearerAuthorization(token('ey.J0.x_-~+/='))).toBe('Bearer ey.J0.x_-~+/=');
  });

  it.each(['a b', 'a\r\nx-injected: 1', '', 'ä'])('refuses %j without showing it', (value) => {
    expect(() => bearerAuthorization(token(value))).toThrow(
      expect.objectContaining({
        code: 'CONFIG_INVALID',
        message: 'the registry token of config.json holds characters that cannot be sent',
      }),
    );
  });
});
