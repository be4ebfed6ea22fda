// Decides what to fetch: which chunks are at hand, which ranges bring the others, and where in which new pack each will lie.
// Pure: the same input gives the same plan, so racing jobs make the same packs.
import { type ByteRange, rangeLength } from '../bytes/range.ts';
import { type ChunkTable, chunkCount, digestKey } from '../layer/chunk-table.ts';
import { digestKeyOfHex, digestOfKey } from '../oci/digest-key.ts';
import { ChunkMap, chunkRange, countBytes } from './chunk-map.ts';
import { type CoalesceCosts, coalesce, type FetchRange, keptBytes, splitWhole } from './coalesce.ts';
import type {
  ChunkForm,
  ChunkSources,
  FetchGroup,
  FetchPlan,
  LayerBytes,
  LayerPlan,
  Locate,
  Located,
  NewChunk,
  PlanLayer,
  PlannedFile,
  PlanOptions,
} from './fetch-plan.ts';

/** Range length: large enough that a round trip is cheap, small enough that eight connections share a layer. */
export const MAX_RANGE_BYTES = 8 << 20;
/** Bytes fetched in vain may be this share of those needed, and in any case as many as a request's own headers cost. */
const WASTE_SHARE = 0.02;
const WASTE_FLOOR = 4096;
/** Ranges a layer is cut into at most. */
const MAX_LAYER_RANGES = 512;
/** From this share on a layer's data is fetched in one piece: the gaps cost less than the requests. */
const WHOLE_SHARE = 0.7;

export function planFetch(layers: readonly PlanLayer[], locate: Locate, options: PlanOptions): FetchPlan {
  const planner = new Planner(locate, options);
  for (const layer of layers) {
    if (layer.kind === 'chunked') planner.addChunked(layer);
    else planner.addPlain(layer);
  }
  return planner.plan;
}

interface Placed extends Omit<Located, 'path'> {
  readonly file: number;
  readonly group: number;
  readonly ready: number;
}

/** Has a life only inside of planFetch: it places one layer after the other. */
class Planner {
  readonly plan = {
    files: [] as PlannedFile[],
    groups: [] as FetchGroup[],
    layers: [] as LayerPlan[],
    bytes: [] as LayerBytes[],
    chunks: [] as NewChunk[],
  };
  readonly #locate: Locate;
  readonly #options: PlanOptions;
  readonly #fileIndex = new Map<string, number>();
  /** What this plan fetches: frames by digest key, blobs by digest. */
  readonly #placed = new ChunkMap<Placed>();
  #pack: number;
  #packOffset: number;

  constructor(locate: Locate, options: PlanOptions) {
    this.#locate = locate;
    this.#options = options;
    this.#pack = options.pack;
    this.#packOffset = options.packOffset;
  }

  addPlain(layer: PlanLayer & { kind: 'plain' }): void {
    const { digest, compressedSize } = layer;
    const stored = this.#findBlob(digest, compressedSize);
    if (stored) {
      this.plan.layers.push({
        kind: 'plain',
        file: stored.file,
        offset: stored.offset,
        compressedSize,
        groups: this.#groupsOf(stored),
      });
      this.plan.bytes.push({ missing: 0, cached: stored.group === -1 ? compressedSize : 0 });
      return;
    }
    const file = this.#newFile();
    const offset = this.#packOffset;
    const groups = splitWhole(compressedSize, MAX_RANGE_BYTES).map((range) => this.#addGroup(range));
    this.plan.chunks.push({
      form: 'blob',
      digest,
      pack: this.#pack,
      offset,
      compressedSize,
      size: compressedSize,
    });
    const group = groups[0] ?? -1;
    this.#placed.set(digest, {
      file,
      offset,
      compressedSize,
      size: compressedSize,
      group,
      ready: 0,
    });
    this.plan.layers.push({ kind: 'plain', file, offset, compressedSize, groups });
    this.plan.bytes.push({ missing: compressedSize, cached: 0 });
    this.#rollOver();
  }

  addChunked(layer: PlanLayer & { kind: 'chunked' }): void {
    const { table } = layer;
    const missing = this.#missingChunks(table);
    const pieces = missing.map((index) => chunkRange(table, index));
    const ranges = coalesce(pieces, this.#costs(pieces, layer));
    let next = 0;
    for (const { range, pieces: kept } of ranges) {
      const id = this.#addGroup({ range, pieces: kept });
      let ready = 0;
      for (; next < missing.length && (pieces[next] as ByteRange).end <= range.end; next++) {
        const piece = pieces[next] as ByteRange;
        const chunk = { table, index: missing[next] as number };
        ready = this.#placeNew(chunk, rangeLength(piece), { id, ready });
      }
      this.#rollOver();
    }
    const sources = this.#sources(table);
    this.plan.layers.push({ kind: 'chunked', sources });
    this.plan.bytes.push(countBytes(sources, ranges));
  }

  #missingChunks(table: ChunkTable): number[] {
    const seen = new ChunkMap<{ readonly size: number }>();
    const missing: number[] = [];
    for (let index = 0; index < chunkCount(table); index++) {
      const key = digestKey(table.digests, index);
      const size = table.sizes[index] as number;
      if (seen.get(key, size) || this.#find('frame', { name: key, key, size })) continue;
      seen.set(key, { size });
      missing.push(index);
    }
    return missing;
  }

  #costs(
    pieces: readonly ByteRange[],
    { dataEnd, metadataBytes }: PlanLayer & { kind: 'chunked' },
  ): CoalesceCosts {
    const needed = pieces.reduce((sum, piece) => sum + piece.end - piece.start, 0);
    const nearlyAll = needed >= WHOLE_SHARE * dataEnd;
    return {
      wasteBudget: nearlyAll
        ? Number.POSITIVE_INFINITY
        : Math.max(WASTE_FLOOR, WASTE_SHARE * (needed + metadataBytes)),
      maxRanges: MAX_LAYER_RANGES,
      maxRangeBytes: MAX_RANGE_BYTES,
    };
  }

  #addGroup(range: FetchRange): number {
    const kept = keptBytes(range);
    this.#newFile();
    this.plan.groups.push({
      ...range,
      layer: this.plan.layers.length,
      pack: this.#pack,
      packOffset: this.#packOffset,
      keptBytes: kept,
    });
    this.#packOffset += kept;
    return this.plan.groups.length - 1;
  }

  #placeNew(
    chunk: { table: ChunkTable; index: number },
    compressedSize: number,
    at: { id: number; ready: number },
  ): number {
    const { table, index } = chunk;
    const key = digestKey(table.digests, index);
    const size = table.sizes[index] as number;
    const { pack, packOffset } = this.plan.groups[at.id] as FetchGroup;
    const offset = packOffset + at.ready;
    const ready = at.ready + compressedSize;
    const file = this.#fileOf(`new ${pack}`, { kind: 'new', pack });
    this.#placed.set(key, { file, offset, compressedSize, size, group: at.id, ready });
    this.plan.chunks.push({ form: 'frame', digest: digestOfKey(key), pack, offset, compressedSize, size });
    return ready;
  }

  #sources(table: ChunkTable): ChunkSources {
    const count = chunkCount(table);
    const sources = {
      files: new Uint32Array(count),
      offsets: new Float64Array(count),
      compressedSizes: new Float64Array(count),
      sizes: table.sizes,
      groups: new Int32Array(count),
      ready: new Float64Array(count),
    };
    for (let index = 0; index < count; index++) {
      const key = digestKey(table.digests, index);
      const placed = this.#find('frame', { name: key, key, size: table.sizes[index] as number }) as Placed;
      sources.files[index] = placed.file;
      sources.offsets[index] = placed.offset;
      sources.compressedSizes[index] = placed.compressedSize;
      sources.groups[index] = placed.group;
      sources.ready[index] = placed.ready;
    }
    return sources;
  }

  #findBlob(digest: string, size: number): Placed | undefined {
    const isStorable = digest.startsWith('sha256:');
    const key = isStorable ? digestKeyOfHex(digest.slice('sha256:'.length)) : undefined;
    return this.#find('blob', { name: digest, key, size });
  }

  /** `name`: under which this plan has placed it. `key`: under which it is in the store, if anything of its kind is. */
  #find(
    form: ChunkForm,
    { name, key, size }: { name: string; key: string | undefined; size: number },
  ): Placed | undefined {
    const known = this.#placed.get(name, size);
    if (known || key === undefined) return known;
    const stored = this.#locate(form, key, size);
    if (!stored || stored.size !== size) return undefined;
    const { path, offset, compressedSize } = stored;
    const file = this.#fileOf(path, { kind: 'stored', path });
    return { file, offset, compressedSize, size, group: -1, ready: 0 };
  }

  #groupsOf(placed: Placed): number[] {
    if (placed.group === -1) return [];
    return Array.from(
      { length: Math.ceil(placed.compressedSize / MAX_RANGE_BYTES) },
      (_, index) => placed.group + index,
    );
  }

  #newFile(): number {
    return this.#fileOf(`new ${this.#pack}`, { kind: 'new', pack: this.#pack });
  }

  #fileOf(name: string, file: PlannedFile): number {
    const known = this.#fileIndex.get(name);
    if (known !== undefined) return known;
    this.#fileIndex.set(name, this.plan.files.length);
    return this.plan.files.push(file) - 1;
  }

  #rollOver(): void {
    if (this.#packOffset < this.#options.packTarget) return;
    this.#pack++;
    this.#packOffset = 0;
  }
}
