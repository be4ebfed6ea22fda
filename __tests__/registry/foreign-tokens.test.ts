import { describe, expect, it } from 'vitest';
import { fixtureImage } from '../support/fixture-image.ts';
import { startRegistry, type TestRegistry } from '../support/registry.ts';
import type { BearerAuth } from '../support/registry-auth.ts';
import { collect, REPOSITORY, startPair } from '../support/registry-client.ts';
import { listen } from '../support/registry-listen.ts';
import { startTokenServer } from '../support/token-issuer.ts';

const LOGIN = { username: 'reader', password: 'hunter2-hunter2-hunter2' };
const image = fixtureImage();
const { layer } = image;
const never = new AbortController().signal;

function startOther(auth: Partial<BearerAuth> = {}): Promise<TestRegistry> {
  const images = [{ repository: REPOSITORY, layout: image.layout }];
  return startRegistry({ images, auth: { kind: 'bearer', ...auth } });
}

/** A private registry that keeps its blobs at another one. */
function startOwn(other: TestRegistry) {
  const to = (path: string) => `http://${other.host}${path}`;
  const faults = [{ kind: 'redirect', on: '/blobs/', to }] as const;
  return startPair({ auth: { kind: 'bearer', ...LOGIN }, faults }, { credential: LOGIN });
}

type Client = Awaited<ReturnType<typeof startOwn>>['client'];

async function read(client: Client, start = 0): Promise<void> {
  const range = { start, end: start + 1000 };
  const bytes = await collect((await client.blob(layer, range, never)).chunks);
  expect(bytes.equals(image.bytes(layer).subarray(range.start, range.end))).toBe(true);
}

const paths = ({ requests }: TestRegistry) =>
  requests.map((one) => `${one.path.split(/[?/]/)[1]} ${one.authorization ?? 'none'} ${one.status}`);

/** What must not have come along, in any header or path. */
function expectNoSecrets(other: TestRegistry, own: TestRegistry): void {
  const sent = JSON.stringify(other.requests);
  expect(sent).not.toContain(LOGIN.password);
  expect(sent).not.toContain(Buffer.from(`${LOGIN.username}:${LOGIN.password}`).toString('base64'));
  const tokens = own.requests.flatMap((one) => one.headers.authorization ?? []);
  expect(tokens.length).toBeGreaterThan(0);
  for (const token of tokens) expect(sent).not.toContain(token);
}

describe('a host that the registry redirects to and that wants a token', () => {
  it('gets an anonymous one of its own', async () => {
    await using other = await startOther();
    await using pair = await startOwn(other);
    await pair.client.manifest({ target: 'v1', expected: undefined });
    await read(pair.client);
    expect(paths(other)).toEqual(['v2 none 401', 'token none 200', 'v2 bearer 206']);
    expectNoSecrets(other, pair.registry);
  });

  it('is asked for it once, whoever needs it', async () => {
    await using other = await startOther();
    await using pair = await startOwn(other);
    await pair.client.manifest({ target: 'v1', expected: undefined });
    const many = () => Promise.all(Array.from({ length: 8 }, (_, index) => read(pair.client, index * 1000)));
    const tokens = () => paths(other).filter((one) => one.startsWith('token'));
    await many();
    expect(tokens()).toEqual(['token none 200']);
    other.expireTokens();
    await many();
    expect(tokens()).toHaveLength(2);
    expectNoSecrets(other, pair.registry);
  });

  it('is asked again where its token server failed in passing', async () => {
    await using other = await startOther();
    await using pair = await startOwn(other);
    await pair.client.manifest({ target: 'v1', expected: undefined });
    other.faults.add({ kind: 'status', status: 503, on: '/token', times: 1 });
    await read(pair.client);
    expect(paths(other).filter((one) => one.startsWith('token'))).toEqual([
      'token none 503',
      'token none 200',
    ]);
  });

  it('never gets the credential, though it asks for one', async () => {
    await using other = await startOther(LOGIN);
    await using pair = await startOwn(other);
    await pair.client.manifest({ target: 'v1', expected: undefined });
    await expect(read(pair.client)).rejects.toMatchObject({
      code: 'UNAUTHORIZED',
      credentialSource: undefined,
    });
    expect(new Set(paths(other))).toEqual(new Set(['v2 none 401', 'token none 401']));
    expectNoSecrets(other, pair.registry);
  });

  it.each([
    ['Basic', () => 'Basic realm="storage"'],
    ['a token to push as well', (standard: string) => standard.replace(/:pull"/, ':pull,push"')],
    [
      'a token for more than pulling',
      (standard: string) => standard.replace(/:pull"/, ':pull registry:catalog:*"'),
    ],
    ['a token without a scope', (standard: string) => standard.replace(/,scope="[^"]*"/, '')],
    ['nothing it would name', () => undefined],
  ])('is left alone if that is %s', async (_what, challenge) => {
    await using other = await startOther({ challenge });
    await using pair = await startOwn(other);
    await pair.client.manifest({ target: 'v1', expected: undefined });
    await expect(read(pair.client)).rejects.toMatchObject({ code: 'UNAUTHORIZED', status: 401 });
    expect(new Set(paths(other))).toEqual(new Set(['v2 none 401']));
  });

  it.each(['https://169.254.169.254/token', 'https://10.0.0.1/token', 'nowhere'])(
    'is not followed to a token server at %s',
    async (realm) => {
      await using other = await startOther({ realm });
      await using pair = await startOwn(other);
      await pair.client.manifest({ target: 'v1', expected: undefined });
      await expect(read(pair.client)).rejects.toMatchObject({ code: 'UNAUTHORIZED', status: 401 });
    },
  );

  it.each(['', '/elsewhere'])('gets no token in the name of who asks, from the registry%s', async (path) => {
    const headers = { 'x-identity': 'the-identity-of-somebody' };
    const seen: (string | undefined)[] = [];
    const redirector = await listen({}, (request, response) => {
      seen.push(request.headers.authorization);
      response.writeHead(302, { location: `http://${own.host}/token?${request.url?.split('?')[1]}` }).end();
    });
    const realm = () => `http://${path ? redirector.host : own.host}/token`;
    const challenge = () => `Bearer realm="${realm()}",service="own",scope="repository:victim/private:pull"`;
    await using other = await startOther({ challenge });
    const to = (asked: string) => `http://${other.host}${asked}`;
    const faults = [{ kind: 'redirect', on: '/blobs/', to }] as const;
    await using pair = await startPair({ faults }, { host: { headers } });
    const own = pair.registry;
    await expect(read(pair.client)).rejects.toMatchObject({ code: 'UNAUTHORIZED', status: 401 });
    expect(own.requests.filter((one) => one.path.startsWith('/token'))).toEqual([]);
    expect(new Set(seen)).toEqual(new Set(path ? [undefined] : []));
    expect(JSON.stringify(other.requests)).not.toContain('the-identity');
    await redirector.close();
  });

  it('may have its token server elsewhere', async () => {
    await using service = await startTokenServer({}, { hostname: 'localhost' });
    await using other = await startOther({ realm: service.realm, issuer: service.issuer });
    await using pair = await startOwn(other);
    await pair.client.manifest({ target: 'v1', expected: undefined });
    await read(pair.client);
    expect(service.requests).toMatchObject([{ method: 'GET', authorization: undefined, body: '' }]);
    expect(JSON.stringify(service.requests)).not.toContain(LOGIN.password);
  });
});
