import { describe, expect, it } from 'vitest';
import { fixtureImage } from '../support/fixture-image.ts';
import { startTokenServer } from '../support/token-issuer.ts';
import { BY_IDENTITY, basic, IDENTITY, LOGIN, methods, PASSWORD, startServed } from './served-pair.ts';

const V1 = { target: 'v1', expected: undefined };
const image = fixtureImage();

describe('a realm that has moved', () => {
  it.each([301, 302, 303, 307, 308])('within its origin (%d) gets the credential', async (status) => {
    await using all = await startServed(LOGIN, PASSWORD, (service) => ({
      realm: service.moved(service.realm, status),
    }));
    expect((await all.client.manifest(V1)).digest).toBe(image.digest);
    const sent = all.service.requests.map((one) => one.authorization);
    expect(sent).toEqual([basic(LOGIN.username, LOGIN.password), basic(LOGIN.username, LOGIN.password)]);
  });

  it.each([
    ['port', '127.0.0.1'],
    ['host', 'localhost'],
  ])('to another %s does not', async (_what, hostname) => {
    await using elsewhere = await startTokenServer({}, { hostname });
    await using all = await startServed(LOGIN, PASSWORD, (service) => ({
      realm: service.moved(elsewhere.realm),
      issuer: elsewhere.issuer,
    }));
    await all.client.manifest(V1);
    expect(elsewhere.requests).toMatchObject([{ method: 'GET', authorization: undefined }]);
    expect(JSON.stringify(elsewhere.requests)).not.toContain(LOGIN.password);
  });

  it('gets no identity token, not even by POST', async () => {
    await using elsewhere = await startTokenServer({}, { hostname: 'localhost' });
    await using all = await startServed(BY_IDENTITY, IDENTITY, (service) => ({
      realm: service.moved(elsewhere.realm),
      issuer: elsewhere.issuer,
    }));
    await all.client.manifest(V1);
    expect(methods(all.service.requests)).toEqual(['POST', 'GET']);
    const sent = JSON.stringify(elsewhere.requests);
    expect(elsewhere.requests).toMatchObject([{ method: 'GET', authorization: undefined, body: '' }]);
    expect(sent).not.toContain(IDENTITY.token);
  });

  it.each([
    'http://169.254.169.254/latest/meta-data/iam/security-credentials/',
    'http://[fe80::1]/token',
    'https://10.0.0.1/token',
    'https://[fd00:ec2::254]/token',
    'http://[::ffff:169.254.169.254]/token',
    'http://2852039166/token',
    'ftp://127.0.0.1/token',
    'http://user:password@127.0.0.1/token',
  ])('to %s is not followed', async (target) => {
    await using all = await startServed(LOGIN, PASSWORD, (service) => ({ realm: service.moved(target) }));
    await expect(all.client.manifest(V1)).rejects.toMatchObject({ code: 'RESPONSE_INVALID' });
    expect(all.client.requests).toBe(2);
  });

  it('again and again is given up', async () => {
    await using all = await startServed(LOGIN, PASSWORD, (service) => ({
      realm: service.moved(
        service.moved(service.moved(service.moved(service.moved(service.moved(service.realm))))),
      ),
    }));
    await expect(all.client.manifest(V1)).rejects.toMatchObject({ code: 'RESPONSE_INVALID' });
  });
});
