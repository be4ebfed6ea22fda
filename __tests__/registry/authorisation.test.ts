import { describe, expect, it } from 'vitest';
import { fixtureImage } from '../support/fixture-image.ts';
import type { RequestLog } from '../support/registry.ts';
import type { RegistryAuth } from '../support/registry-auth.ts';
import { REPOSITORY, rejection, startPair } from '../support/registry-client.ts';

const CREDENTIAL = { username: 'reader', password: 'hunter2-hunter2-hunter2' };
const BEARER = { kind: 'bearer', ...CREDENTIAL } as const;
const V1 = { target: 'v1', expected: undefined };
const image = fixtureImage();

function trace(requests: readonly RequestLog[]): string[] {
  return requests.map((one) => `${one.path.split(/[?/]/)[1]} ${one.authorization ?? 'none'} ${one.status}`);
}

/** Fetches the manifest and returns the requests that took. */
async function traceManifest(auth: RegistryAuth) {
  await using pair = await startPair({ auth }, { credential: CREDENTIAL });
  expect((await pair.client.manifest(V1)).digest).toBe(image.digest);
  return trace(pair.registry.requests);
}

describe('authorisation', () => {
  it('sends no credential to a registry that asks for none', async () => {
    expect(await traceManifest({ kind: 'none' })).toEqual(['v2 none 200']);
  });

  it('answers a Basic challenge', async () => {
    expect(await traceManifest({ kind: 'basic', ...CREDENTIAL })).toEqual(['v2 none 401', 'v2 basic 200']);
  });

  it('exchanges the credential for a token', async () => {
    expect(await traceManifest(BEARER)).toEqual(['v2 none 401', 'token basic 200', 'v2 bearer 200']);
  });

  it('gets an anonymous token without a credential', async () => {
    const expected = ['v2 none 401', 'token none 200', 'v2 bearer 200'];
    await using pair = await startPair({ auth: { kind: 'bearer' } });
    await pair.client.manifest(V1);
    expect(trace(pair.registry.requests)).toEqual(expected);
  });

  it('prefers Bearer among several challenges, in one header or in two', async () => {
    const expected = ['v2 none 401', 'token basic 200', 'v2 bearer 200'];
    const oneLine = (standard: string) => `Negotiate, Basic realm="x", ${standard}`;
    const twoLines = (standard: string) => ['Basic realm="x"', standard];
    expect(await traceManifest({ ...BEARER, challenge: oneLine })).toEqual(expected);
    expect(await traceManifest({ ...BEARER, challenge: twoLines })).toEqual(expected);
  });

  it('asks the API root for a challenge when a refusal has none', async () => {
    let refusals = 0;
    const challenge = (standard: string) => (refusals++ === 0 ? undefined : standard);
    const expected = ['v2 none 401', 'v2 none 401', 'token basic 200', 'v2 bearer 200'];
    expect(await traceManifest({ ...BEARER, challenge })).toEqual(expected);
  });

  it('takes the scope of the registry once its own has not been enough', async () => {
    const auth = { ...BEARER, neededScope: `repository:${REPOSITORY}:pull,metadata_read` };
    expect(await traceManifest(auth)).toEqual([
      'v2 none 401',
      'token basic 200',
      'v2 bearer 401',
      'token basic 200',
      'v2 bearer 200',
    ]);
  });

  it('does not ask again and again for a token that is never taken', async () => {
    await using pair = await startPair({ auth: { ...BEARER, tokenUses: 0 } }, { credential: CREDENTIAL });
    await expect(pair.client.manifest(V1)).rejects.toMatchObject({ code: 'UNAUTHORIZED', status: 401 });
    expect(trace(pair.registry.requests)).toEqual(['v2 none 401', 'token basic 200', 'v2 bearer 401']);
  });

  it('gets one token for many requests at once, and one more when that has expired', async () => {
    await using pair = await startPair({ auth: BEARER }, { credential: CREDENTIAL });
    const many = () => Promise.all(Array.from({ length: 8 }, () => pair.client.manifest(V1)));
    const tokens = () => pair.registry.requests.filter((one) => one.path.startsWith('/token')).length;
    await many();
    expect(tokens()).toBe(1);
    pair.registry.expireTokens();
    await many();
    expect(tokens()).toBe(2);
  });

  it('renews an expired token where the registry answers 400', async () => {
    await using pair = await startPair({ auth: BEARER }, { credential: CREDENTIAL });
    await pair.client.manifest(V1);
    pair.registry.faults.add({ kind: 'status', status: 400, on: '/manifests/', times: 1 });
    await pair.client.manifest(V1);
    expect(trace(pair.registry.requests).slice(3)).toEqual([
      'v2 bearer 400',
      'token basic 200',
      'v2 bearer 200',
    ]);
  });

  it('repeats a token request that failed in passing', async () => {
    await using pair = await startPair({ auth: BEARER }, { credential: CREDENTIAL });
    pair.registry.faults.add({ kind: 'status', status: 503, on: '/token', times: 2 });
    expect((await pair.client.manifest(V1)).digest).toBe(image.digest);
  });

  it('says whether a credential was sent', async () => {
    await using open = await startPair({ auth: { kind: 'basic', ...CREDENTIAL } });
    const anonymous = await rejection(open.client.manifest(V1));
    expect(anonymous).toMatchObject({ code: 'UNAUTHORIZED', credentialSent: false });
    expect(anonymous).toMatchObject({ hint: expect.stringContaining('No credential was sent') });
    const credential = { ...CREDENTIAL, password: 'wrong-password' };
    for (const auth of [{ kind: 'basic', ...CREDENTIAL } as const, BEARER]) {
      await using pair = await startPair({ auth }, { credential });
      await expect(pair.client.manifest(V1)).rejects.toMatchObject({
        code: 'UNAUTHORIZED',
        credentialSent: true,
        diagnostics: [{ code: 'UNAUTHORIZED' }],
      });
    }
  });

  it.each([
    ['https://169.254.169.254/token'],
    ['https://10.0.0.1/token'],
    ['ftp://127.0.0.1/token'],
    ['/token'],
  ])('does not send the credential to a token server at %s', async (realm) => {
    await using pair = await startPair({ auth: { ...BEARER, realm } }, { credential: CREDENTIAL });
    await expect(pair.client.manifest(V1)).rejects.toMatchObject({ code: 'RESPONSE_INVALID' });
    expect(pair.client.requests).toBe(1);
  });

  it.each([[{}], [{ token: 'a\r\nb' }], ['text']])('refuses the token reply %j', async (answer) => {
    await using pair = await startPair(
      { auth: { ...BEARER, reply: () => answer } },
      { credential: CREDENTIAL },
    );
    await expect(pair.client.manifest(V1)).rejects.toMatchObject({ code: 'RESPONSE_INVALID' });
  });

  it('announces every secret and shows none, even if the registry sends them back', async () => {
    await using pair = await startPair({ auth: BEARER }, { credential: CREDENTIAL });
    await pair.client.manifest(V1);
    const token = String(pair.secrets.find((one) => one.startsWith('secret-')));
    expect(pair.secrets).toContain(CREDENTIAL.password);
    const message = `you sent Bearer ${token} for\n::warning::${CREDENTIAL.password}`;
    const body = JSON.stringify({ errors: [{ code: 'DENIED', message }] });
    pair.registry.faults.add({ kind: 'status', status: 403, body });
    const error = await rejection(pair.client.manifest(V1));
    expect(error).toMatchObject({ code: 'UNAUTHORIZED', diagnostics: [{ code: 'DENIED' }] });
    for (const secret of pair.secrets) expect(JSON.stringify([error, error.message])).not.toContain(secret);
    expect(error.message).not.toContain('\n');
  });
});
