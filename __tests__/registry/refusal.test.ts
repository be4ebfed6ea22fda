import { Readable } from 'node:stream';
import { describe, expect, it } from 'vitest';
import type { HttpAnswer } from '../../src/http/exchange.ts';
import { createSecrets } from '../../src/http/secrets.ts';
import { readRefusal } from '../../src/registry/refusal.ts';

const REQUEST = {
  url: new URL('https://auth.test/token'),
  headers: {},
  signal: new AbortController().signal,
  what: 'token for reg.test/app',
};

function answer(status: number, body: string, more: Partial<HttpAnswer> = {}): HttpAnswer {
  return {
    status,
    headers: {},
    body: Readable.from([Buffer.from(body)]),
    request: REQUEST,
    ...more,
  } as HttpAnswer;
}

const explain = (status: number, body: string, more?: Partial<HttpAnswer>) =>
  readRefusal(answer(status, body, more), createSecrets(undefined));

describe('the error of a refusal', () => {
  it.each<[string, string, RegExp]>([
    [
      'a registry',
      '{"errors":[{"code":"DENIED","message":"no"},null]}',
      /401 Unauthorized \(DENIED: no; UNKNOWN\)$/,
    ],
    [
      'an OAuth2 server',
      '{"error":"invalid_grant","error_description":"too old"}',
      /\(invalid_grant: too old\)$/,
    ],
    [
      "Docker Hub's token server",
      '{"details":"incorrect username or password"}',
      /: incorrect username or password\)$/,
    ],
    ['a storage', '<Error><Code>AccessDenied</Code></Error>', /401 Unauthorized$/],
    ['nobody in particular', 'null', /401 Unauthorized$/],
  ])('repeats what %s says', async (_, body, message) => {
    expect(await explain(401, body)).toMatchObject({
      code: 'UNAUTHORIZED',
      message: expect.stringMatching(message),
    });
  });

  it('names where the credential came from that was refused, or that none was sent', async () => {
    const credentialSource = '/home/me/.docker/config.json';
    const refused = await explain(401, '', { credentialSource });
    expect(refused.hint).toContain('The credential of /home/me/.docker/config.json was sent and refused');
    expect((await explain(404, '', { credentialSource })).hint).toContain(credentialSource);
    expect((await explain(401, '')).hint).toContain('No credential was sent');
  });

  it.each([502, 503, 504])('does not blame the network where the host answers %s', async (status) => {
    const error = await explain(status, '');
    expect(error).toMatchObject({ code: 'REGISTRY_UNAVAILABLE', retry: 'soon' });
    expect(error.hint).toContain(`in trouble (${status}): try again later`);
  });

  it('reads the time to wait from the words of ghcr.io', async () => {
    const message = 'retry-after: 880.092µs, allowed: 44000/minute';
    const body = JSON.stringify({ errors: [{ code: 'TOOMANYREQUESTS', message }] });
    expect((await explain(429, body)).retryAfter).toBeCloseTo(0.880092);
    const headers = { 'retry-after': '7' };
    expect((await explain(429, body, { headers })).retryAfter).toBe(7000);
  });

  it('says when it may work again where there were too many requests', async () => {
    const error = await explain(429, '', { headers: { 'retry-after': '90' } });
    expect(error).toMatchObject({ code: 'RATE_LIMITED', retryAfter: 90_000 });
    expect(error.message).toMatch(/it asks to wait 90 s, until \d{4}-\d\d-\d\dT[\d:]+Z$/);
    expect(error.hint).toMatch(/[Ss]ign in/);
  });
});
