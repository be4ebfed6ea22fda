import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { digestOf } from '../../src/integrity/hash.ts';
import { MAX_MANIFEST_BYTES } from '../../src/oci/manifest.ts';
import { OCI_INDEX, OCI_MANIFEST } from '../../src/oci/media-type.ts';
import { fixtureImage } from '../support/fixture-image.ts';
import { startPair } from '../support/registry-client.ts';

const image = fixtureImage();
const other = fixtureImage('v2');
const V1 = { target: 'v1', expected: undefined };
const expected = { digest: image.digest, size: image.manifest.length };
const WRONG_SHA512 = `sha512:${createHash('sha512').update('').digest('hex')}`;

describe('manifest', () => {
  it.each([['v1'], [image.digest]])('is fetched by %s with its type and digest', async (target) => {
    await using pair = await startPair();
    const manifest = await pair.client.manifest({ target, expected: undefined });
    expect(manifest).toMatchObject({ mediaType: target === 'v1' ? OCI_MANIFEST : '', digest: image.digest });
    expect(image.manifest.equals(manifest.bytes)).toBe(true);
  });

  it('is asked for with all four media types', async () => {
    await using pair = await startPair();
    await pair.client.manifest(V1);
    expect(pair.registry.requests[0]?.headers.accept?.split(', ')).toHaveLength(4);
  });

  it('that is damaged is refused by digest and by tag', async () => {
    await using pair = await startPair({ faults: [{ kind: 'corrupt', offset: 100 }] });
    for (const target of [image.digest, 'v1'])
      await expect(pair.client.manifest({ target, expected: undefined })).rejects.toMatchObject({
        code: 'DIGEST_MISMATCH',
      });
  });

  it.each([
    ['another digest', { digest: other.digest, size: expected.size }, 'DIGEST_MISMATCH'],
    ['another size', { digest: image.digest, size: expected.size + 1 }, 'SIZE_MISMATCH'],
  ])('is checked against a descriptor with %s', async (_name, wrong, code) => {
    await using pair = await startPair();
    await expect(pair.client.manifest({ target: 'v1', expected: wrong })).rejects.toMatchObject({ code });
    expect(await pair.client.manifest({ target: 'v1', expected })).toMatchObject({ digest: image.digest });
  });

  it.each([
    ['another sha256', other.digest, 'DIGEST_MISMATCH'],
    ['a sha512, which is not compared', WRONG_SHA512, undefined],
    ['nonsense', 'sha256:1', undefined],
  ])('with a stated digest of %s', async (_name, value, code) => {
    const fault = { kind: 'header', name: 'docker-content-digest', value } as const;
    await using pair = await startPair({ faults: [fault] });
    const manifest = pair.client.manifest(V1);
    if (code) await expect(manifest).rejects.toMatchObject({ code });
    else expect((await manifest).digest).toBe(digestOf(image.manifest));
  });

  it('by digest is what its descriptor says, whatever it is called on the way', async () => {
    const lie = { kind: 'header', name: 'content-type', value: OCI_INDEX } as const;
    await using pair = await startPair({ faults: [lie] });
    const described = { ...expected, mediaType: OCI_MANIFEST };
    const manifest = await pair.client.manifest({ target: image.digest, expected: described });
    expect(manifest.mediaType).toBe(OCI_MANIFEST);
    await expect(pair.client.manifest(V1)).rejects.toMatchObject({ code: 'MANIFEST_INVALID' });
  });

  it('that is too large is not read', async () => {
    await using pair = await startPair({ faults: [{ kind: 'miscount', bytes: MAX_MANIFEST_BYTES }] });
    await expect(pair.client.manifest(V1)).rejects.toMatchObject({ code: 'LIMIT_EXCEEDED' });
    pair.registry.faults.clear();
    const length = { kind: 'header', name: 'content-length', value: String(MAX_MANIFEST_BYTES + 1) } as const;
    pair.registry.faults.add(length, { kind: 'miscount', bytes: 0 });
    await expect(pair.client.manifest(V1)).rejects.toMatchObject({ code: 'LIMIT_EXCEEDED' });
  });

  it('in a content coding nobody asked for is refused', async () => {
    await using pair = await startPair({
      faults: [{ kind: 'header', name: 'content-encoding', value: 'br' }],
    });
    await expect(pair.client.manifest(V1)).rejects.toMatchObject({ code: 'RESPONSE_INVALID' });
  });

  it('of an unknown tag is not found, with the words of the registry', async () => {
    await using pair = await startPair();
    await expect(pair.client.manifest({ target: 'v9', expected: undefined })).rejects.toMatchObject({
      code: 'NOT_FOUND',
      diagnostics: [{ code: 'MANIFEST_UNKNOWN' }],
      message: expect.stringContaining('v9'),
    });
  });
});
