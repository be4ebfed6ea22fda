import { describe, expect, it } from 'vitest';
import { fixtureImage } from '../support/fixture-image.ts';
import { collect, rejection, startPair } from '../support/registry-client.ts';

const image = fixtureImage();
const { layer } = image;
const content = image.bytes(layer);
const PART = { start: 100_000, end: 200_000 };
const CREDENTIAL = { username: 'reader', password: 'hunter2-hunter2' };
const never = new AbortController().signal;

async function readPart(client: Parameters<typeof collectPart>[0]): Promise<void> {
  expect((await collectPart(client)).equals(content.subarray(PART.start, PART.end))).toBe(true);
}

async function collectPart(client: Awaited<ReturnType<typeof startPair>>['client']): Promise<Buffer> {
  return collect((await client.blob(layer, PART, never)).chunks);
}

describe('a redirected blob', () => {
  it('is looked up once, whoever asks, and no Authorization follows', async () => {
    const auth = { kind: 'bearer', ...CREDENTIAL } as const;
    await using pair = await startPair({ blobs: 'redirect', auth }, { credential: CREDENTIAL });
    await Promise.all(Array.from({ length: 8 }, () => readPart(pair.client)));
    const { requests } = pair.registry;
    const redirects = requests.filter((one) => one.status === 307);
    const served = requests.filter((one) => one.origin === 'storage');
    expect([redirects.length, served.length]).toEqual([1, 8]);
    expect(served.every((one) => one.authorization === undefined && one.status === 206)).toBe(true);
    expect(served.every((one) => one.range === 'bytes=100000-199999')).toBe(true);
  });

  it('is looked up again when its URL has expired', async () => {
    await using pair = await startPair({ blobs: 'redirect', urlUses: 2 });
    for (let reads = 0; reads < 5; reads++) await readPart(pair.client);
    const statuses = pair.registry.requests.map((one) => one.status);
    expect(statuses).toEqual([307, 206, 206, 403, 307, 206, 206, 403, 307, 206]);
  });

  it('is looked up again once when many find its URL expired', async () => {
    await using pair = await startPair({ blobs: 'redirect' });
    await readPart(pair.client);
    pair.registry.expireUrls();
    await Promise.all(Array.from({ length: 8 }, () => readPart(pair.client)));
    expect(pair.registry.requests.filter(({ status }) => status === 307)).toHaveLength(2);
  });

  it('is looked up again after it was found damaged', async () => {
    await using pair = await startPair({ blobs: 'redirect' });
    await readPart(pair.client);
    pair.client.forget(layer.digest);
    await readPart(pair.client);
    expect(pair.registry.requests.map(({ status }) => status)).toEqual([307, 206, 307, 206]);
  });

  it('is looked up again when a resumed body finds its URL expired', async () => {
    await using pair = await startPair({
      blobs: 'redirect',
      urlUses: 1,
      faults: [{ kind: 'cut', bytes: 50_000, times: 1, on: '/storage/' }],
    });
    await readPart(pair.client);
    expect(pair.registry.requests.map((one) => one.status)).toEqual([307, 206, 403, 307, 206]);
  });

  it('is given up when new URLs do not help', async () => {
    await using pair = await startPair({ blobs: 'redirect', urlUses: 0 });
    const error = await rejection(collectPart(pair.client));
    expect(error).toMatchObject({ code: 'UNAUTHORIZED', status: 403 });
    expect(error.message).not.toContain('signature');
    expect(pair.client.requests).toBe(8);
  });

  it('may take its data from a storage that ignores ranges while the registry serves them', async () => {
    await using pair = await startPair({
      blobs: 'redirect',
      faults: [{ kind: 'ignore-ranges', on: '/storage/' }],
    });
    const body = await pair.client.blob(layer, PART, never);
    expect(body.range).toEqual({ start: 0, end: layer.size });
    expect((await collect(body.chunks)).equals(content)).toBe(true);
  });

  it('has the values in the query of its URL announced as secrets', async () => {
    await using pair = await startPair({ blobs: 'redirect' });
    await readPart(pair.client);
    expect(pair.secrets).toEqual([expect.stringMatching(/^[^=]{16,}$/)]);
  });
});

describe('a redirect', () => {
  it.each([
    ['http://169.254.169.254/latest/meta-data'],
    ['https://10.0.0.1/blob'],
    ['ftp://127.0.0.1/blob'],
    ['http://user:pass@127.0.0.1/blob'],
    ['https://:0/'],
    [''],
  ])('to "%s" is refused', async (location) => {
    const fault = { kind: 'status', status: 302, headers: { location } } as const;
    await using pair = await startPair({ faults: [fault] });
    await expect(collectPart(pair.client)).rejects.toMatchObject({ code: 'RESPONSE_INVALID' });
    expect(pair.client.requests).toBe(1);
  });

  it('is followed at most five times', async () => {
    const fault = { kind: 'status', status: 307, headers: { location: '/v2/again' } } as const;
    await using pair = await startPair({ faults: [fault] });
    await expect(collectPart(pair.client)).rejects.toMatchObject({ code: 'RESPONSE_INVALID' });
    expect(pair.client.requests).toBe(6);
  });

  it('that comes back to the registry does not bring the Authorization back', async () => {
    const auth = { kind: 'basic', ...CREDENTIAL } as const;
    await using pair = await startPair({ blobs: 'redirect', auth }, { credential: CREDENTIAL });
    const location = `http://${pair.registry.host}/v2/owner/image/blobs/${layer.digest}?back`;
    pair.registry.faults.add({ kind: 'status', status: 302, headers: { location }, on: '/storage/' });
    await expect(collectPart(pair.client)).rejects.toMatchObject({ code: 'UNAUTHORIZED' });
    const back = pair.registry.requests.filter(({ path }) => path.endsWith('?back'));
    expect(back.length).toBeGreaterThan(0);
    expect(back.every(({ status, authorization }) => status === 401 && authorization === undefined)).toBe(
      true,
    );
  });

  it('within the registry keeps the Authorization', async () => {
    const auth = { kind: 'basic', ...CREDENTIAL } as const;
    const location = `/v2/owner/image/blobs/${layer.digest}?again`;
    const fault = { kind: 'status', status: 307, headers: { location }, on: /[^n]$/, after: 1 } as const;
    await using pair = await startPair({ auth, faults: [fault] }, { credential: CREDENTIAL });
    await readPart(pair.client);
    const trace = pair.registry.requests.map((one) => [one.status, one.authorization]);
    expect(trace).toEqual([
      [401, undefined],
      [307, 'basic'],
      [206, 'basic'],
    ]);
  });
});
