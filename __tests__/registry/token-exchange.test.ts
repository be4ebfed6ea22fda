import { describe, expect, it } from 'vitest';
import type { Credential } from '../../src/auth/credential.ts';
import { fixtureImage } from '../support/fixture-image.ts';
import { rejection, startPair } from '../support/registry-client.ts';
import type { TokenRequest } from '../support/token-issuer.ts';
import { BY_IDENTITY, basic, IDENTITY, LOGIN, methods, PASSWORD, startServed } from './served-pair.ts';

const SCOPE = 'repository:owner/image:pull';
const V1 = { target: 'v1', expected: undefined };
const image = fixtureImage();

const form = ({ body }: TokenRequest) => Object.fromEntries(new URLSearchParams(body));

describe('a user name and a password', () => {
  it('go to the token service by GET, and nowhere else', async () => {
    await using all = await startServed(LOGIN, PASSWORD);
    expect((await all.client.manifest(V1)).digest).toBe(image.digest);
    const [request] = all.service.requests;
    expect(request).toMatchObject({ method: 'GET', authorization: basic(LOGIN.username, LOGIN.password) });
    expect(new URL(request?.path ?? '', 'http://service').searchParams.get('scope')).toBe(SCOPE);
    const sent = JSON.stringify(all.registry.requests);
    expect(sent).not.toContain(LOGIN.password);
    expect(sent).not.toContain(Buffer.from(LOGIN.password).toString('base64').slice(4, 20));
  });

  it('are exchanged once for many requests at once', async () => {
    await using all = await startServed(LOGIN, PASSWORD);
    await Promise.all(Array.from({ length: 8 }, () => all.client.manifest(V1)));
    expect(all.service.requests).toHaveLength(1);
    all.service.issuer.expire();
    await Promise.all(Array.from({ length: 8 }, () => all.client.manifest(V1)));
    expect(all.service.requests).toHaveLength(2);
  });

  it.each([404, 405])('go by POST where GET is answered %d, from then on at once', async (get) => {
    await using all = await startServed({ ...LOGIN, get }, PASSWORD);
    await all.client.manifest(V1);
    all.service.issuer.expire();
    await all.client.manifest(V1);
    expect(methods(all.service.requests)).toEqual(['GET', 'POST', 'POST']);
    expect(all.service.requests.at(-1)).toMatchObject({ path: '/token', authorization: undefined });
    expect(form(all.service.requests.at(-1) as TokenRequest)).toEqual({
      grant_type: 'password',
      ...LOGIN,
      scope: SCOPE,
      service: 'test registry',
      client_id: 'oci-pull-action',
    });
  });

  it.each([400, 401, 403])('are not tried by POST where GET is answered %d', async (get) => {
    await using all = await startServed({ ...LOGIN, get }, PASSWORD);
    await expect(all.client.manifest(V1)).rejects.toMatchObject({ status: get, credentialSource: 'a file' });
    expect(methods(all.service.requests)).toEqual(['GET']);
  });

  it('that are wrong are told of as refused, whatever GET was answered', async () => {
    await using all = await startServed({ username: 'reader', password: 'another', get: 404 }, PASSWORD);
    await expect(all.client.manifest(V1)).rejects.toMatchObject({
      code: 'UNAUTHORIZED',
      status: 401,
      credentialSource: 'a file',
    });
  });

  it.each([
    ['of Azure', '00000000-0000-0000-0000-000000000000', 'eyJhbGciOi.JSUzI1NiIsInR5.cCI6IkpXVCIs'],
    [
      'of Google',
      '_json_key',
      '{\n  "type": "service_account",\n  "private_key": "-----BEGIN: KEY-----\\nä"\n}\n',
    ],
    ['of Harbor', 'robot$project+name', 'p:a:s:s'],
    ['of Quay', 'org+name', 'x'],
    ['of a token of Google', 'oauth2accesstoken', 'ya29.a0AfH6SMBx-_'],
  ])('%s are sent as they are', async (_whose, username, password) => {
    const login = { username, password };
    await using bearer = await startServed(login, { kind: 'password', ...login, source: 'a file' });
    expect((await bearer.client.manifest(V1)).digest).toBe(image.digest);
    await using legacy = await startPair({ auth: { kind: 'basic', ...login } }, { credential: login });
    expect((await legacy.client.manifest(V1)).digest).toBe(image.digest);
  });
});

describe('an identity token', () => {
  it('is exchanged by POST', async () => {
    await using all = await startServed({ ...BY_IDENTITY, get: 404 }, IDENTITY);
    expect((await all.client.manifest(V1)).digest).toBe(image.digest);
    expect(all.service.requests).toMatchObject([
      { method: 'POST', path: '/token', authorization: undefined },
    ]);
    expect(form(all.service.requests[0] as TokenRequest)).toEqual({
      grant_type: 'refresh_token',
      refresh_token: IDENTITY.token,
      scope: SCOPE,
      service: 'test registry',
      client_id: 'oci-pull-action',
    });
    expect(JSON.stringify(all.registry.requests)).not.toContain(IDENTITY.token);
    expect(all.secrets).toContain(IDENTITY.token);
  });

  it.each([400, 401, 404, 405, 307])('goes by GET where POST is answered %d, then at once', async (post) => {
    await using all = await startServed({ ...BY_IDENTITY, post }, IDENTITY);
    await all.client.manifest(V1);
    all.service.issuer.expire();
    await all.client.manifest(V1);
    expect(methods(all.service.requests)).toEqual(['POST', 'GET', 'GET']);
    expect(all.service.requests.at(-1)?.authorization).toBe(basic('', IDENTITY.token));
  });

  it.each([403, 429, 500])('does not go by GET where POST is answered %d', async (post) => {
    await using all = await startServed({ ...BY_IDENTITY, post }, IDENTITY);
    await expect(all.client.manifest(V1)).rejects.toMatchObject({ status: post, credentialSource: 'a file' });
    expect(methods(all.service.requests)).not.toContain('GET');
  });

  it('that is refused both ways is told of as refused', async () => {
    await using all = await startServed({ ...LOGIN, post: 400 }, IDENTITY);
    const error = await rejection(all.client.manifest(V1));
    expect(error).toMatchObject({ code: 'UNAUTHORIZED', status: 401, credentialSource: 'a file' });
    expect(methods(all.service.requests)).toEqual(['POST', 'GET']);
  });

  it('gives way to the one that comes back with the token', async () => {
    await using all = await startServed({ ...BY_IDENTITY, rotates: true }, IDENTITY);
    await all.client.manifest(V1);
    all.service.issuer.expire();
    await all.client.manifest(V1);
    const tokens = all.service.requests.map((one) => form(one).refresh_token);
    expect(tokens).toEqual([IDENTITY.token, expect.stringMatching(/^identity-[0-9a-f]{24}$/)]);
    expect(all.secrets).toContain(tokens[1]);
  });

  it('is no help where the registry wants a user name', async () => {
    await using pair = await startPair({ auth: { kind: 'basic', ...LOGIN } }, { credential: IDENTITY });
    await expect(pair.client.manifest(V1)).rejects.toMatchObject({
      code: 'UNAUTHORIZED',
      credentialSource: undefined,
    });
    expect(pair.registry.requests).toHaveLength(1);
  });
});

describe('a registry token', () => {
  const token = 'registry-0123456789abcdef';
  const credential: Credential = { kind: 'registry-token', token, source: 'a file' };

  it('is sent as it is, after the first refusal', async () => {
    await using all = await startServed(LOGIN, credential, () => ({ registryToken: token }));
    await Promise.all(Array.from({ length: 8 }, () => all.client.manifest(V1)));
    const sent = all.registry.requests.map((one) => one.headers.authorization);
    expect(new Set(sent)).toEqual(new Set([undefined, `Bearer ${token}`]));
    expect(all.service.requests).toEqual([]);
    expect(all.secrets).toContain(token);
  });

  it('needs no challenge', async () => {
    const auth = { challenge: () => undefined, registryToken: token };
    await using all = await startServed(LOGIN, credential, () => auth);
    expect((await all.client.manifest(V1)).digest).toBe(image.digest);
    expect(all.registry.requests.map((one) => one.status)).toEqual([401, 200]);
  });

  it('is sent once where it is refused', async () => {
    await using all = await startServed(LOGIN, credential);
    await expect(all.client.manifest(V1)).rejects.toMatchObject({
      code: 'UNAUTHORIZED',
      credentialSource: 'a file',
    });
    expect(all.registry.requests.map((one) => one.status)).toEqual([401, 401]);
    expect(all.service.requests).toEqual([]);
  });
});
