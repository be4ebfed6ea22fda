// The least that a pull of parts of a stargz-snapshotter layer can cost, counted from the JSON of the TOCs alone: the members that hold
// something needed and unknown, each once, and the end of each blob from its TOC on.
import { type FixtureFormat, fixtureImage } from './fixture-image.ts';
import { openLayer } from './stored-chunks.ts';

interface Entry {
  readonly name: string;
  readonly type: string;
  readonly offset?: number;
  readonly size?: number;
  readonly digest?: string;
  readonly chunkDigest?: string;
}

interface Member {
  readonly size: number;
  /** Digest → name of the file, for the chunks that begin in it. */
  readonly chunks: readonly (readonly [digest: string, name: string])[];
}

/** `isNeeded`: is the file of that name and layer in the tree of the tag? Bytes of layer data. */
export async function memberMinimum(
  format: FixtureFormat,
  { from, to }: { readonly from?: string; readonly to: string },
  isNeeded: (tag: string, name: string, layer: number) => boolean,
): Promise<number> {
  const known = new Set<string>();
  if (from !== undefined)
    for (const [index, { members }] of (await layersOf(format, from)).entries())
      for (const { chunks } of members)
        for (const [digest, name] of chunks) if (isNeeded(from, name, index)) known.add(digest);
  let bytes = 0;
  for (const [index, { members, metadata }] of (await layersOf(format, to)).entries()) {
    bytes += metadata;
    for (const { size, chunks } of members) {
      const fresh = chunks.filter(([digest, name]) => isNeeded(to, name, index) && !known.has(digest));
      if (fresh.length > 0) bytes += size;
      for (const [digest] of fresh) known.add(digest);
    }
  }
  return bytes;
}

function layersOf(format: FixtureFormat, tag: string): Promise<{ members: Member[]; metadata: number }[]> {
  const image = fixtureImage(tag, format);
  return Promise.all(
    image.layers.map(async (descriptor) => {
      const { located, json } = await openLayer(descriptor, image.bytes(descriptor));
      const { entries } = JSON.parse(json.toString()) as { entries: readonly Entry[] };
      return {
        members: membersOf(entries, located.dataEnd),
        metadata: descriptor.size - located.toc.range.start,
      };
    }),
  );
}

function membersOf(entries: readonly Entry[], dataEnd: number): Member[] {
  const files = new Map<number, [string, string][]>();
  for (const { name, type, offset, size, digest, chunkDigest } of entries) {
    const hasContent = type === 'chunk' || (type === 'reg' && (size ?? 0) > 0);
    if (!hasContent || offset === undefined) continue;
    const chunks = files.get(offset) ?? [];
    chunks.push([chunkDigest || digest || '', name.replace(/^\.?\//, '')]);
    files.set(offset, chunks);
  }
  const starts = [...files.keys()].sort((a, b) => a - b);
  return starts.map((start, index) => ({
    size: (starts[index + 1] ?? dataEnd) - start,
    chunks: files.get(start) ?? [],
  }));
}
