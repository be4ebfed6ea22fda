// Decides what to fetch: which chunks are at hand, which ranges bring the others, and where in which new pack each will lie.
// Pure: the same input gives the same plan. What the packs hold depends on the image and the store alone, not on the link: racing
// jobs make the same packs.
import { type ByteRange, rangeLength } from '../bytes/range.ts';
import { type ChunkTable, chunkCount, isGap } from '../layer/chunk-table.ts';
import { digestOfKey } from '../oci/digest-key.ts';
import { chunkRange, countBytes, digestKeys } from './chunk-map.ts';
import { coalesce, keptBytes, splitWhole } from './coalesce.ts';
import { gapCosts, MAX_RANGE_BYTES } from './costs.ts';
import {
  type ChunkSources,
  EXACT,
  type FetchGroup,
  type FetchPlan,
  type LayerBytes,
  type LayerPlan,
  type Locate,
  type NewChunk,
  type PlanLayer,
  type PlanOptions,
} from './fetch-plan.ts';
import { AT_HAND, type Placed, Placement, UNDECIDED } from './placement.ts';

export { MAX_RANGE_BYTES } from './costs.ts';

export function planFetch(layers: readonly PlanLayer[], locate: Locate, options: PlanOptions): FetchPlan {
  const planner = new Planner(locate, options);
  for (const layer of layers) {
    if (layer.kind === 'chunked') planner.addChunked(layer);
    else planner.addPlain(layer);
  }
  return planner.plan;
}

/** A chunk whose group is not known yet. */
interface Pending {
  readonly index: number;
  readonly placed: Placed;
  /** The chunk in whose stored bytes it lies as well. */
  readonly host?: Placed;
}

/** Has a life only inside of planFetch: it plans one layer after the other. */
class Planner {
  readonly #layers: LayerPlan[] = [];
  readonly #groups: FetchGroup[] = [];
  readonly #bytes: LayerBytes[] = [];
  readonly #chunks: NewChunk[] = [];
  readonly #options: PlanOptions;
  readonly #placement: Placement;

  constructor(locate: Locate, options: PlanOptions) {
    this.#options = options;
    this.#placement = new Placement(locate, options);
  }

  get plan(): FetchPlan {
    const { files } = this.#placement;
    return { files, groups: this.#groups, layers: this.#layers, bytes: this.#bytes, chunks: this.#chunks };
  }

  addPlain(layer: PlanLayer & { kind: 'plain' }): void {
    const { digest, compressedSize, tail, at } = layer;
    if (at) {
      const file = this.#placement.fileAt('local', at.path);
      const blob = { offset: at.offset, digest: at.digest, compressedSize: at.size };
      this.#layers.push({ kind: 'plain', file, ...blob, groups: [] });
      this.#bytes.push({ missing: 0, cached: compressedSize });
      return;
    }
    const found = this.#placement.findBlob(digest, compressedSize);
    const placed = found ?? this.#placeBlob(layer);
    const { file, offset, group } = placed;
    this.#layers.push({ kind: 'plain', file, offset, digest, compressedSize, groups: groupsOf(placed) });
    const missing = found ? 0 : Math.min(compressedSize, tail?.start ?? compressedSize);
    this.#bytes.push({ missing, cached: group === AT_HAND ? compressedSize : 0 });
  }

  #placeBlob({ digest, compressedSize, tail }: PlanLayer & { kind: 'plain' }): Placed {
    const placed = this.#placement.place(digest, { compressedSize, size: compressedSize });
    const { pack, offset } = placed;
    this.#chunks.push({ form: 'blob', digest, pack, offset, compressedSize, size: compressedSize });
    if (compressedSize > 0) placed.group = this.#groups.length;
    for (const whole of splitWhole(compressedSize, MAX_RANGE_BYTES)) {
      const at = { pack, packOffset: offset + whole.range.start, keptBytes: rangeLength(whole.range) };
      const ended = tail && tail.start < whole.range.end ? { tail } : {};
      this.#groups.push({ ...whole, layer: this.#layers.length, ...at, ...ended });
    }
    return placed;
  }

  addChunked(layer: PlanLayer & { kind: 'chunked' }): void {
    const { table } = layer;
    const sources = emptySources(table);
    const { missing, repeated } = this.#placeChunks(table, sources);
    const pieces = missing.map(({ index }) => chunkRange(table, index));
    const needed = pieces.reduce((sum, piece) => sum + rangeLength(piece), 0);
    const ranges = coalesce(
      pieces,
      gapCosts({ ...layer, needed, hasGaps: table.gaps !== undefined }, this.#options),
      packEnds(missing),
    );
    let next = 0;
    for (const range of ranges) {
      const { placed: first } = missing[next] as Pending;
      const at = { layer: this.#layers.length, pack: first.pack, packOffset: first.offset };
      const group = this.#groups.push({ ...range, ...at, keptBytes: keptBytes(range) }) - 1;
      for (; next < missing.length && (pieces[next] as ByteRange).end <= range.range.end; next++) {
        const { index, placed } = missing[next] as Pending;
        placed.group = group;
        placed.ready = placed.offset + placed.compressedSize - first.offset;
        setSource(sources, index, placed);
      }
    }
    for (const { index, placed, host } of repeated) {
      if (host) [placed.group, placed.ready] = [host.group, host.ready];
      setSource(sources, index, placed);
    }
    this.#layers.push({ kind: 'chunked', sources });
    this.#bytes.push(countBytes(sources, ranges));
  }

  /** Fills in the sources of chunks whose group is known, and gives a place to those that are missing. `repeated`: the same again. */
  #placeChunks(table: ChunkTable, sources: ChunkSources) {
    const [missing, repeated]: [Pending[], Pending[]] = [[], []];
    const keyOf = digestKeys(table);
    for (let index = 0; index < chunkCount(table); index++) {
      const key = keyOf(index);
      const { form, name } = nameOf(table, index, key);
      const found = this.#placement.find(form, { name, key, size: table.sizes[index] as number });
      const last = missing.at(-1);
      if (!found && last && table.offsets[index] === table.offsets[last.index])
        repeated.push({
          index,
          placed: this.#placeChunk(table, index, { key, host: last.placed }),
          host: last.placed,
        });
      else if (!found) missing.push({ index, placed: this.#placeChunk(table, index, { key }) });
      else if (found.group === UNDECIDED) repeated.push({ index, placed: found });
      else setSource(sources, index, found);
    }
    return { missing, repeated };
  }

  /** `host`: the chunk before, if it is stored in the same bytes. */
  #placeChunk(table: ChunkTable, index: number, { key, host }: { key: string; host?: Placed }): Placed {
    const { form, name } = nameOf(table, index, key);
    const innerOffset = form === 'frame' ? table.innerOffsets?.[index] : undefined;
    const stored = {
      compressedSize: table.compressedSizes[index] as number,
      size: table.sizes[index] as number,
      ...(innerOffset === undefined ? {} : { innerOffset }),
    };
    const placed = host
      ? this.#placement.placeWithin(name, host, stored)
      : this.#placement.place(name, stored);
    const { pack, offset } = placed;
    this.#chunks.push({ form, digest: digestOfKey(key), pack, offset, ...stored });
    return placed;
  }
}

/** No chunk is called as a gap is. */
function nameOf(table: ChunkTable, index: number, key: string): { form: 'frame' | 'part'; name: string } {
  return isGap(table, index) ? { form: 'part', name: `part ${key}` } : { form: 'frame', name: key };
}

function emptySources(table: ChunkTable): ChunkSources {
  const count = chunkCount(table);
  return {
    files: new Uint32Array(count),
    offsets: new Float64Array(count),
    compressedSizes: new Float64Array(count),
    sizes: table.sizes,
    groups: new Int32Array(count),
    ready: new Float64Array(count),
    ...(table.gaps ? { gaps: table.gaps } : {}),
  };
}

function setSource(sources: ChunkSources, index: number, placed: Placed): void {
  sources.files[index] = placed.file;
  sources.offsets[index] = placed.offset;
  sources.compressedSizes[index] = placed.compressedSize;
  sources.groups[index] = placed.group;
  sources.ready[index] = placed.ready;
  if (placed.innerOffset === undefined) return;
  sources.innerOffsets ??= new Float64Array(sources.files.length).fill(EXACT);
  sources.innerOffsets[index] = placed.innerOffset;
}

/** Indexes of the chunks behind which another pack begins: a range goes into one. */
function packEnds(missing: readonly Pending[]): Set<number> {
  const ends = new Set<number>();
  for (const [index, { placed }] of missing.entries())
    if (missing[index + 1] && missing[index + 1]?.placed.pack !== placed.pack) ends.add(index);
  return ends;
}

/** Of a blob: one for every MAX_RANGE_BYTES. */
function groupsOf({ group, compressedSize }: Placed): number[] {
  const count = group < 0 ? 0 : Math.ceil(compressedSize / MAX_RANGE_BYTES);
  return Array.from({ length: count }, (_, index) => group + index);
}
