import { describe, expect, it } from 'vitest';
import { PullError } from '../../src/errors.ts';
import { openRegistryClient } from '../../src/registry/client.ts';
import { fixtureImage } from '../support/fixture-image.ts';
import { startRegistry } from '../support/registry.ts';
import { clientOptionsFor, REPOSITORY, rejection, startPair } from '../support/registry-client.ts';
import { BEARER, CREDENTIAL, trace, traceManifest, V1 } from './traced-pull.ts';

const image = fixtureImage();
const images = [{ repository: REPOSITORY, layout: image.layout }];

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

  it('looks its credential up at the first refusal, and once', async () => {
    let lookups = 0;
    const lookUp = async () => {
      lookups++;
      return { kind: 'password', ...CREDENTIAL, source: 'a file' } as const;
    };
    for (const [auth, expected] of [
      [{ kind: 'none' }, 0],
      [BEARER, 1],
    ] as const) {
      lookups = 0;
      await using registry = await startRegistry({ images, auth });
      const client = openRegistryClient({ ...clientOptionsFor(registry.host), credential: lookUp });
      await Promise.all(Array.from({ length: 8 }, () => client.manifest(V1)));
      registry.expireTokens();
      await client.manifest(V1);
      await client.close();
      expect(lookups).toBe(expected);
    }
  });

  it('fails as the lookup of its credential does, but not for what needs none', async () => {
    const failure = new PullError('CONFIG_INVALID', 'config.json cannot be read');
    const credential = () => Promise.reject(failure);
    await using open = await startRegistry({ images });
    await using guarded = await startRegistry({ images, auth: BEARER });
    const [one, other] = [open, guarded].map(({ host }) =>
      openRegistryClient({ ...clientOptionsFor(host), credential }),
    );
    expect((await one?.manifest(V1))?.digest).toBe(image.digest);
    await expect(other?.manifest(V1)).rejects.toBe(failure);
    await Promise.all([one?.close(), other?.close()]);
  });

  it('finds nothing to say to a registry that offers Negotiate alone', async () => {
    await using pair = await startPair(
      { auth: { ...BEARER, challenge: () => ['Negotiate', 'NTLM TlRMTVNTUAAB=='] } },
      { credential: CREDENTIAL },
    );
    await expect(pair.client.manifest(V1)).rejects.toMatchObject({
      code: 'UNAUTHORIZED',
      credentialSource: undefined,
    });
    expect(pair.client.requests).toBe(1);
  });

  it('falls back to Basic where Bearer names no realm', async () => {
    const auth = { kind: 'basic', ...CREDENTIAL } as const;
    const headers = { 'www-authenticate': 'Bearer service="x", Basic realm="y"' };
    const faults = [{ kind: 'status', status: 401, times: 1, headers }] as const;
    await using pair = await startPair({ auth, faults }, { credential: CREDENTIAL });
    await pair.client.manifest(V1);
    expect(trace(pair.registry.requests)).toEqual(['v2 none 401', 'v2 basic 200']);
  });

  it('says where the credential is from that was sent', async () => {
    await using open = await startPair({ auth: { kind: 'basic', ...CREDENTIAL } });
    const anonymous = await rejection(open.client.manifest(V1));
    expect(anonymous).toMatchObject({ code: 'UNAUTHORIZED', credentialSource: undefined });
    expect(anonymous).toMatchObject({ hint: expect.stringContaining('No credential was sent') });
    const wrong = { ...CREDENTIAL, password: 'wrong-password' };
    const credential = { kind: 'password', ...wrong, source: 'a file' } as const;
    for (const auth of [{ kind: 'basic', ...CREDENTIAL } as const, BEARER]) {
      await using pair = await startPair({ auth }, { credential });
      await expect(pair.client.manifest(V1)).rejects.toMatchObject({
        code: 'UNAUTHORIZED',
        credentialSource: 'a file',
        hint: expect.stringContaining('was sent and refused'),
        diagnostics: [{ code: 'UNAUTHORIZED' }],
      });
    }
  });

  it.each([
    ['https://169.254.169.254/token'],
    ['http://169.254.169.254/token'],
    ['https://10.0.0.1/token'],
    ['https://192.168.1.1/token'],
    ['https://[fe80::1]/token'],
    ['https://[fd00::1]/token'],
    ['https://[::ffff:10.0.0.1]/token'],
    ['https://0xa9fea9fe/token'],
    ['https://user:password@auth.example.com/token'],
    ['ftp://127.0.0.1/token'],
    ['file:///etc/passwd'],
    ['/token'],
    ['https://'],
    [''],
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
