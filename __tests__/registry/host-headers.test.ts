import { describe, expect, it } from 'vitest';
import { fixtureImage } from '../support/fixture-image.ts';
import { rejection, startPair } from '../support/registry-client.ts';

const image = fixtureImage();
const { layer } = image;
const V1 = { target: 'v1', expected: undefined };
const never = new AbortController().signal;

describe('the headers of a host', () => {
  const headers = { 'X-Pass': 'open-sesame-4711', 'Accept-Encoding': 'br', Range: 'bytes=0-0' };

  it('go along with whatever the host is asked, tokens too, and nowhere else', async () => {
    const registry = { blobs: 'redirect', auth: { kind: 'bearer' } } as const;
    await using pair = await startPair(registry, { host: { headers } });
    await pair.client.manifest(V1);
    await pair.client.blob(layer, { start: 5, end: 10 }, never);
    const sent = pair.registry.requests.map(({ origin, path, headers: { 'x-pass': pass } }) => [
      origin === 'storage' ? origin : path.split(/[/?]/)[1],
      pass,
    ]);
    expect(sent).toEqual([
      ['v2', 'open-sesame-4711'],
      ['token', 'open-sesame-4711'],
      ['v2', 'open-sesame-4711'],
      ['v2', 'open-sesame-4711'],
      ['storage', undefined],
    ]);
  });

  it('cannot change what the client relies on', async () => {
    await using pair = await startPair({}, { host: { headers } });
    await pair.client.blob(layer, { start: 5, end: 10 }, never);
    expect(pair.registry.requests[0]?.headers).toMatchObject({
      'accept-encoding': 'identity',
      range: 'bytes=5-9',
    });
  });

  it('may be the Authorization, which a credential replaces where the host asks for one', async () => {
    const [username, password] = ['reader', 'hunter2-hunter2'];
    const given = { authorization: `Basic ${Buffer.from('reader:hunter2-hunter2').toString('base64')}` };
    const auth = { kind: 'basic', username, password } as const;
    await using pair = await startPair({ auth }, { host: { headers: given } });
    expect((await pair.client.manifest(V1)).digest).toBe(image.digest);
    expect(pair.client.requests).toBe(1);
    const wrong = { authorization: 'Basic wrong' };
    await using other = await startPair(
      { auth },
      { host: { headers: wrong }, credential: { username, password } },
    );
    expect((await other.client.manifest(V1)).digest).toBe(image.digest);
  });

  it.each([
    ['authorization', 'Bearer s3cr3t-s3cr3t', ['s3cr3t-s3cr3t']],
    ['authorization', 'Bearer s3', ['s3']],
    [
      'authorization',
      `Basic ${Buffer.from('me:hunter2').toString('base64')}`,
      ['hunter2', 'bWU6aHVudGVyMg=='],
    ],
    ['x-keys', 'first-key-4711, second-key-4712', ['first-key-4711', 'second-key-4712']],
    ['cookie', 'session=0123456789; x=y', ['0123456789']],
    ['x-token', 'Token 0123456789', ['0123456789']],
  ])('are hidden in parts, too: %s: %s', async (name, value, parts) => {
    await using pair = await startPair({}, { host: { headers: { [name]: value } } });
    const message = parts.map((part) => `<${part}>`).join();
    const body = JSON.stringify({ errors: [{ code: 'DENIED', message }] });
    pair.registry.faults.add({ kind: 'status', status: 403, body });
    const { message: told } = await rejection(pair.client.manifest(V1));
    expect(told).toContain(`DENIED: ${parts.map(() => '<***>').join()}`);
  });

  it('are secrets, and shown to nobody', async () => {
    await using pair = await startPair({}, { host: { headers } });
    const body = JSON.stringify({ errors: [{ code: 'DENIED', message: 'you sent open-sesame-4711' }] });
    pair.registry.faults.add({ kind: 'status', status: 403, body });
    expect((await rejection(pair.client.manifest(V1))).message).not.toContain('sesame');
    expect(pair.secrets).toEqual(['open-sesame-4711']);
  });
});
