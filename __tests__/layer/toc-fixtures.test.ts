// The TOCs of real layers, against the real content of those layers.
import { zstdDecompressSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { decodeFrames } from '../../src/compression/zstd.ts';
import { digestOf } from '../../src/integrity/hash.ts';
import { chunkCount, digestKey } from '../../src/layer/chunk-table.ts';
import { detectDialect, type LocatedToc } from '../../src/layer/dialect.ts';
import { parseLayerToc } from '../../src/layer/layer-toc.ts';
import type { Descriptor } from '../../src/oci/descriptor.ts';
import { digestOfKey } from '../../src/oci/digest-key.ts';
import { fixtureImage } from '../support/fixture-image.ts';

const image = (tag: string) => fixtureImage(tag, 'zstd-chunked');

function open(tag: string, layer: Descriptor) {
  const blob = image(tag).bytes(layer);
  const format = detectDialect(layer) as LocatedToc;
  const frame = blob.subarray(format.toc.range.start, format.toc.range.end);
  const json = zstdDecompressSync(frame).toString();
  const toc = parseLayerToc(json, format.dataEnd);
  if (toc.kind !== 'toc') throw new Error(toc.reason);
  return { blob, format, frame, json, toc };
}

const layers = ['v1', 'v2'].flatMap((tag) =>
  image(tag).layers.map((layer, index) => ({ tag, index, layer })),
);

describe.each(layers)('layer $index of the zstd:chunked image $tag', ({ tag, layer }) => {
  const { blob, format, frame, json, toc } = open(tag, layer);

  it('has the TOC and the tar-split that its digests name', () => {
    expect(digestOf(frame)).toBe(format.toc.digest);
    const { start, end } = format.tarSplit?.range ?? {};
    expect(digestOf(blob.subarray(start, end))).toBe(toc.tarSplitDigest);
  });

  it('has an entry for each entry and a chunk for each chunk', () => {
    const { entries } = JSON.parse(json) as { entries: { type: string; size?: number }[] };
    const whole = entries.filter(({ type }) => type !== 'chunk');
    const stored = entries.filter(({ type, size = 0 }) => type === 'chunk' || (type === 'reg' && size > 0));
    expect(toc.table.firstChunk).toHaveLength(whole.length + 1);
    expect(chunkCount(toc.table)).toBe(stored.length);
    expect(toc.table.firstChunk.at(-1)).toBe(stored.length);
  });

  it('has chunks that decode to what their digests name', async () => {
    const { offsets, compressedSizes, sizes, digests } = toc.table;
    for (let index = 0; index < offsets.length; index++) {
      const start = offsets[index] as number;
      const frames = blob.subarray(start, start + (compressedSizes[index] as number));
      const content = await decodeFrames(frames, sizes[index] as number);
      expect(digestOf(content)).toBe(digestOfKey(digestKey(digests, index)));
    }
  });
});

it('the fixtures hold files of several chunks', () => {
  const cut = layers.some(({ tag, layer }) => {
    const { firstChunk } = open(tag, layer).toc.table;
    return firstChunk.some((first, entry) => (firstChunk[entry + 1] ?? first) - first > 1);
  });
  expect(cut).toBe(true);
});
