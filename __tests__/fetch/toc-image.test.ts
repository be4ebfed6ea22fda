import { describe, expect, it } from 'vitest';
import { type ErrorCode, PullError } from '../../src/errors.ts';
import { openTocImage } from '../../src/fetch/toc-image.ts';
import { digestOf } from '../../src/integrity/hash.ts';
import type { Digest } from '../../src/oci/digest.ts';
import { createFakeSource, descriptorOf } from '../support/fake-source.ts';
import { rejected } from '../support/pull-error.ts';

const LAYERS = ['a', 'b'].map((text) => digestOf(Buffer.from(text))) as [Digest, Digest];
const KEY = 'containerd.io/snapshot/stargz/layer.digest';
const descriptors = LAYERS.map((layer, index) =>
  descriptorOf(Buffer.from(`toc ${index}`), { annotations: { [KEY]: layer } }),
);
const config = descriptorOf(Buffer.from('{}'), { mediaType: 'application/vnd.oci.image.config.v1+json' });
const bytes = Buffer.from(JSON.stringify({ schemaVersion: 2, config, layers: descriptors }));

describe('the image that holds the TOCs of another', () => {
  it('is asked for once, by the tag with its ending, however many layers want to know', async () => {
    const source = createFakeSource({ manifests: { 'v1-esgztoc': { bytes } } });
    const image = openTocImage(source, 'v1');
    expect(source.asked).toEqual([]);
    const found = await Promise.all([...LAYERS, ...LAYERS].map((layer) => image.find(layer)));
    const digests = found.map((place) => (place.kind === 'found' ? place.descriptor.digest : place.reason));
    const [first, second] = descriptors.map(({ digest }) => digest);
    expect(digests).toEqual([first, second, first, second]);
    expect(source.asked).toEqual([['v1-esgztoc', undefined]]);
  });

  it.each<[string, string | undefined]>([
    ['no tag', undefined],
    ['a tag that leaves no room for the ending', 'v'.repeat(121)],
  ])('is not asked for by an image with %s', async (_, tag) => {
    const source = createFakeSource();
    expect(await openTocImage(source, tag).find(LAYERS[0])).toEqual({
      kind: 'none',
      reason: expect.stringContaining('found by the tag of this one alone'),
    });
    expect(source.asked).toEqual([]);
  });

  it('is asked for by the longest tag that leaves room for the ending', async () => {
    const source = createFakeSource();
    await openTocImage(source, 'v'.repeat(120)).find(LAYERS[0]);
    expect(source.asked.map(([target]) => target.length)).toEqual([128]);
  });

  const failing = (error: unknown) =>
    openTocImage({ name: 'x/y', manifest: () => Promise.reject(error) }, 'v1').find(LAYERS[0]);

  it.each<ErrorCode>([
    'UNAUTHORIZED',
    'RATE_LIMITED',
    'REGISTRY_UNAVAILABLE',
    'TLS_FAILED',
    'RESPONSE_INVALID',
    'LAYOUT_INVALID',
    'LIMIT_EXCEEDED',
    'DIGEST_MISMATCH',
  ])('gives a reason where the source fails with %s', async (code) => {
    expect(await failing(new PullError(code, `it went wrong ${'x'.repeat(1000)}`))).toEqual({
      kind: 'none',
      reason: expect.stringMatching(
        /^its TOC is in v1-esgztoc, which cannot be had: it went wrong x{100,200}…$/,
      ),
    });
  });

  it.each<ErrorCode>(['ABORTED', 'DISK_FULL', 'STORE_FAILED', 'INTERNAL'])(
    'ends the pull where that fails with %s',
    async (code) => {
      await rejected(code, failing(new PullError(code, 'it is over')));
    },
  );
});
