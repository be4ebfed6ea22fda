import { describe, expect, it } from 'vitest';
import { type ByteRange, rangeLength } from '../../src/bytes/range.ts';
import { fixtureImage } from '../support/fixture-image.ts';
import type { RegistryOptions } from '../support/registry.ts';
import { collect, type Pair, rejection, startPair } from '../support/registry-client.ts';

const image = fixtureImage();
const { layer } = image;
const content = image.bytes(layer);
const WHOLE = { start: 0, end: layer.size };
const PART = { start: 100_000, end: 700_001 };
const never = new AbortController().signal;

async function read({ client }: Pair, range: ByteRange): Promise<ByteRange> {
  const body = await client.blob(layer, range, never);
  const bytes = await collect(body.chunks);
  expect(bytes.equals(content.subarray(body.range.start, body.range.end))).toBe(true);
  return body.range;
}

function blobRequests({ registry }: Pair): (string | undefined)[] {
  return registry.requests.map((one) => one.range);
}

describe('a range of a blob', () => {
  it.each([
    ['one byte', { start: 0, end: 1 }],
    ['the last byte', { start: layer.size - 1, end: layer.size }],
    ['the middle', PART],
  ])('arrives exactly: %s', async (_name, range) => {
    await using pair = await startPair();
    expect(await read(pair, range)).toEqual(range);
    expect(blobRequests(pair)).toEqual([`bytes=${range.start}-${range.end - 1}`]);
  });

  it('is not asked for when it is the whole blob', async () => {
    await using pair = await startPair();
    expect(await read(pair, WHOLE)).toEqual(WHOLE);
    expect(blobRequests(pair)).toEqual([undefined]);
  });

  it.each([
    ['empty', { start: 5, end: 5 }],
    ['past the end', { start: 0, end: layer.size + 1 }],
  ])('must not be %s', async (_name, range) => {
    await using pair = await startPair();
    await expect(pair.client.blob(layer, range, never)).rejects.toMatchObject({ code: 'INTERNAL' });
  });

  it('becomes the whole blob where the server ignores ranges, and is not asked for again', async () => {
    await using pair = await startPair({ faults: [{ kind: 'ignore-ranges' }] });
    expect(await read(pair, PART)).toEqual(WHOLE);
    expect(await read(pair, PART)).toEqual(WHOLE);
    expect(blobRequests(pair)).toEqual(['bytes=100000-700000', undefined]);
  });

  it.each([
    ['absent', undefined],
    ['another start', `bytes 0-600000/${layer.size}`],
    ['another end', `bytes 100000-700001/${layer.size}`],
    ['another total', 'bytes 100000-700000/700001'],
    ['another unit', `items 100000-700000/${layer.size}`],
    ['nonsense', 'bytes'],
  ])('becomes the whole blob where the Content-Range is wrong: %s', async (_name, value) => {
    await using pair = await startPair({ faults: [{ kind: 'content-range', value }] });
    expect(await read(pair, PART)).toEqual(WHOLE);
    expect(await read(pair, PART)).toEqual(WHOLE);
    expect(blobRequests(pair)).toEqual(['bytes=100000-700000', undefined, undefined]);
  });

  it('is asked for with GET alone: a URL may be signed for that and nothing else', async () => {
    await using pair = await startPair({ blobs: 'redirect' });
    await read(pair, PART);
    await read(pair, WHOLE);
    expect(new Set(pair.registry.requests.map(({ method }) => method))).toEqual(new Set(['GET']));
  });

  it('is taken where the total is unknown', async () => {
    await using pair = await startPair({
      faults: [{ kind: 'content-range', value: 'bytes 100000-700000/*' }],
    });
    expect(await read(pair, PART)).toEqual(PART);
  });

  it.each([400, 501])('becomes the whole blob where the server answers a range with %d', async (status) => {
    await using pair = await startPair({ faults: [{ kind: 'status', status, times: 1 }] });
    expect(await read(pair, PART)).toEqual(WHOLE);
  });

  it('that the stored blob does not reach is a mismatch of sizes', async () => {
    await using pair = await startPair({ faults: [{ kind: 'truncate', size: 1000 }] });
    await expect(pair.client.blob(layer, PART, never)).rejects.toMatchObject({ code: 'SIZE_MISMATCH' });
    expect(pair.client.requests).toBe(1);
  });

  it.each([
    ['of its own length', PART, 'RESPONSE_INVALID', []],
    ['of a shorter blob', PART, 'SIZE_MISMATCH', [{ kind: 'truncate', size: 1000 }] as const],
  ])(
    'that is refused with 416 and a Content-Length that lies ends at once: %s',
    async (_name, range, code, more) => {
      await using pair = await startPair({ faults: [{ kind: 'unsatisfiable', lying: true }, ...more] });
      await expect(pair.client.blob(layer, range, never)).rejects.toMatchObject({ code });
      expect(pair.client.requests).toBe(1);
      pair.registry.faults.clear();
      expect(await read(pair, PART)).toEqual(PART);
    },
  );

  it('that is refused with 416 and no length is a broken answer', async () => {
    await using pair = await startPair({ faults: [{ kind: 'status', status: 416 }] });
    await expect(pair.client.blob(layer, PART, never)).rejects.toMatchObject({ code: 'RESPONSE_INVALID' });
  });
});

describe('a blob', () => {
  it.each([WHOLE, PART])('is refused in another content coding: %j', async (range) => {
    await using pair = await startPair({
      faults: [{ kind: 'header', name: 'content-encoding', value: 'gzip' }],
    });
    const promise = pair.client.blob(layer, range, never);
    await expect(promise).rejects.toMatchObject({ code: 'RESPONSE_INVALID' });
    expect((await rejection(promise)).message).toContain('gzip');
  });

  it('is asked for without compression', async () => {
    await using pair = await startPair();
    await read(pair, WHOLE);
    expect(pair.registry.requests[0]?.headers).toMatchObject({
      'accept-encoding': 'identity',
      'user-agent': expect.stringMatching(/^oci-pull-action\/\d/),
    });
  });

  it('of another length than its descriptor says is refused before it is read', async () => {
    await using pair = await startPair({ faults: [{ kind: 'truncate', size: 1000 }] });
    await expect(pair.client.blob(layer, WHOLE, never)).rejects.toMatchObject({ code: 'SIZE_MISMATCH' });
  });

  it.each([
    ['whole', WHOLE],
    ['range', PART],
  ])('that is followed by more than was stated is read to where it should end: %s', async (_name, range) => {
    await using pair = await startPair({ faults: [{ kind: 'miscount', bytes: 500_000 }] });
    expect(await read(pair, range)).toEqual(range);
    expect(await read(pair, range)).toEqual(range);
    expect(pair.client.requests).toBe(2);
  });

  it('whose body is left open once all of it has come is not waited for', async () => {
    await using pair = await startPair({ faults: [{ kind: 'stall', bytes: rangeLength(PART) }] });
    const { chunks } = await pair.client.blob(layer, PART, never);
    const started = performance.now();
    expect(await collect(chunks)).toHaveLength(rangeLength(PART));
    expect(performance.now() - started).toBeLessThan(800);
  });

  it('that ends too early is asked for its rest', async () => {
    await using pair = await startPair({ faults: [{ kind: 'miscount', bytes: -1000, times: 1 }] });
    expect(await read(pair, WHOLE)).toEqual(WHOLE);
    expect(blobRequests(pair)).toEqual([undefined, `bytes=${layer.size - 1000}-${layer.size - 1}`]);
  });

  it('that always ends too early is too short', async () => {
    const fault: RegistryOptions['faults'] = [{ kind: 'miscount', bytes: -1000 }];
    await using pair = await startPair({ faults: fault });
    const { chunks } = await pair.client.blob(layer, WHOLE, never);
    await expect(collect(chunks)).rejects.toMatchObject({ code: 'SIZE_MISMATCH' });
    expect(pair.client.requests).toBeLessThan(6);
  });

  it('unknown to the registry is not found, with the reason of the registry', async () => {
    await using pair = await startPair();
    const blob = { ...layer, digest: image.digest.replace(/.$/, '0') as typeof layer.digest };
    const error = await rejection(pair.client.blob(blob, WHOLE, never));
    expect(error).toMatchObject({ code: 'NOT_FOUND', status: 404, diagnostics: [{ code: 'BLOB_UNKNOWN' }] });
    expect(error.message).toContain(blob.digest);
    expect(pair.client.requests).toBe(1);
  });
});
