// The least that an update of a fixture without tar-split can cost, from the layouts: all but the chunks that stand alone and are at hand.

import { rangeLength } from '../../src/bytes/range.ts';
import { digestKey } from '../../src/layer/chunk-table.ts';
import { gapTable, segmentsOf } from '../../src/layer/gap-table.ts';
import { type LayerToc, parseLayerToc } from '../../src/layer/layer-toc.ts';
import { type FixtureFormat, fixtureImage } from './fixture-image.ts';
import { openLayer } from './stored-chunks.ts';

/** Bytes of layer data. */
export async function gapMinimum(format: FixtureFormat, from: string, to: string): Promise<number> {
  const known = new Set<string>();
  for (const { toc } of await layersOf(format, from))
    for (let chunk = 0; chunk < toc.table.sizes.length; chunk++)
      known.add(digestKey(toc.table.digests, chunk));
  let bytes = 0;
  for (const { toc, size, streamEnd } of await layersOf(format, to)) {
    bytes += size;
    const gaps = gapTable(toc, streamEnd);
    if (gaps.kind === 'whole') continue;
    for (const segment of segmentsOf(gaps))
      if (segment.kind === 'chunk' && known.has(digestKey(toc.table.digests, segment.index)))
        bytes -= rangeLength(segment.range);
  }
  return bytes;
}

interface OpenedLayer {
  readonly toc: LayerToc;
  readonly size: number;
  readonly streamEnd: number;
}

function layersOf(format: FixtureFormat, tag: string): Promise<OpenedLayer[]> {
  const image = fixtureImage(tag, format);
  return Promise.all(
    image.layers.map(async (descriptor) => {
      const { located, json } = await openLayer(descriptor, image.bytes(descriptor));
      const toc = parseLayerToc(json.toString(), located.dataEnd);
      if (toc.kind === 'unusable') throw new Error(toc.reason);
      return { toc, size: descriptor.size, streamEnd: located.streamEnd };
    }),
  );
}
