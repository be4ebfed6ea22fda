// The layers that tests build are like those that tools write, and broken only where a test asks for it.
import { zstdDecompressSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { decompress } from '../../src/compression/decompress.ts';
import { scanFrames } from '../../src/compression/zstd-frames.ts';
import { digestOf } from '../../src/integrity/hash.ts';
import { detectDialect } from '../../src/layer/dialect.ts';
import { parseLayerToc } from '../../src/layer/layer-toc.ts';
import { TarSplitParser } from '../../src/layer/tar-split.ts';
import {
  buildChunkedLayer,
  type ChunkedItem,
  type ChunkedLayerOptions,
  type Generation,
} from '../support/chunked-layer.ts';
import { fixtureImage } from '../support/fixture-image.ts';
import { rejected, thrown } from '../support/pull-error.ts';
import { collector, streamOf } from '../support/slices.ts';
import { longName } from '../support/tar-builder.ts';

const ITEMS: readonly ChunkedItem[] = [
  { name: 'd/', type: '5', mode: 0o755 },
  { name: 'd/one', body: 'the first file' },
  { name: 'd/cut', chunks: ['a chunk', Buffer.alloc(3000), 'the last chunk'] },
  { name: 'd/long', before: longName('l'.repeat(200)), body: Buffer.alloc(512, 'x') },
  { name: 'd/link', type: '1', linkName: 'd/one', size: 14 },
  { name: 'd/empty' },
];
const GENERATIONS: readonly Generation[] = ['toc', 'annotation', 'legacy'];

async function decode(blob: Uint8Array): Promise<Buffer> {
  const output = collector();
  await decompress(streamOf(blob), output.sink);
  return output.bytes();
}

const tocOf = (layer: ReturnType<typeof buildChunkedLayer>) => parseLayerToc(layer.tocText, layer.dataEnd);
const built = (options: ChunkedLayerOptions) => buildChunkedLayer(ITEMS, options);

describe.each(GENERATIONS)('a built layer of generation "%s"', (generation) => {
  const layer = built({ generation });
  const real = fixtureImage('v1', generation === 'legacy' ? 'zstd-chunked-legacy' : 'zstd-chunked');

  it('decodes to its tar stream', async () => {
    expect(digestOf(await decode(layer.blob))).toBe(layer.diffId);
  });

  it('is what its descriptor says', () => {
    expect(layer.descriptor).toMatchObject({ digest: digestOf(layer.blob), size: layer.blob.length });
    const frame = layer.blob.subarray(layer.toc.start, layer.toc.end);
    expect(Object.values(layer.descriptor.annotations)).toContain(digestOf(frame));
    expect(zstdDecompressSync(frame).toString()).toBe(layer.tocText);
  });

  it('ends like a real one', () => {
    const tail = (blob: Buffer) => {
      const frames = scanFrames(blob).filter((frame) => frame.skippable);
      const size = frames.at(-1)?.compressedSize ?? 0;
      return [
        frames.length,
        size,
        blob.toString('latin1', blob.length - 8),
        blob.readUInt32LE(blob.length - size),
      ];
    };
    expect(tail(layer.blob)).toEqual(tail(real.bytes(real.layer)));
  });

  it('has the annotations of a real one', () => {
    const names = (annotations: object) => Object.keys(annotations).sort();
    const extra = generation === 'annotation' ? ['io.github.containers.zstd-chunked.tarsplit-checksum'] : [];
    expect(names(layer.descriptor.annotations)).toEqual([...names(real.layer.annotations), ...extra].sort());
  });
});

describe('the knobs of a built layer', () => {
  it('change the TOC, and the digest that names it', () => {
    const layer = built({
      editToc: (toc) => {
        const entry = toc.entries?.[1];
        if (entry) entry.offset = -1;
        return toc;
      },
    });
    expect(tocOf(layer)).toMatchObject({ kind: 'unusable' });
    expect(detectDialect(layer.descriptor)).toMatchObject({
      toc: { digest: digestOf(layer.blob.subarray(layer.toc.start, layer.toc.end)) },
    });
  });

  it('change the text of the TOC', () => {
    expect(tocOf(built({ editTocText: (text) => text.slice(1) }))).toMatchObject({ kind: 'unusable' });
  });

  it('change the tar-split', () => {
    const layer = built({ editTarSplit: (lines) => [...lines, { type: 3 }] });
    thrown('TAR_INVALID', () => {
      const parser = new TarSplitParser();
      parser.push(Buffer.from(layer.tarSplitText));
      parser.end();
    });
    expect(tocOf(layer)).toMatchObject({ tarSplitDigest: layer.tarSplitDigest });
  });

  it('change the data', async () => {
    const start = built({}).chunks[0]?.start ?? 0;
    const layer = built({ editData: (data) => Buffer.from(data).fill(0, start, start + 4) });
    await rejected('TAR_INVALID', decode(layer.blob));
  });

  it('change the annotations', () => {
    const layer = built({
      editAnnotations: (annotations) => {
        annotations['io.github.containers.zstd-chunked.manifest-position'] = '1:2:3:4';
      },
    });
    expect(detectDialect(layer.descriptor)).toMatchObject({ kind: 'plain' });
  });
});
