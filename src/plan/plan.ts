// Decides what to fetch: which chunks are at hand, which ranges bring the others, and where in which new pack each will lie.
// Pure: the same input gives the same plan, so racing jobs make the same packs.
import { type ByteRange, rangeLength } from '../bytes/range.ts';
import { type ChunkTable, chunkCount } from '../layer/chunk-table.ts';
import { digestKeyOfHex, digestOfKey } from '../oci/digest-key.ts';
import { chunkRange, countBytes, type NamedChunk, nameChunk, placeName } from './chunk-name.ts';
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

interface Placed extends Located {
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
  readonly #placed = new Map<string, Placed>();
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
    const stored = this.#find('blob', digest, compressedSize);
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
    this.#placed.set(placeName('blob', digest, compressedSize), {
      path: '',
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
    const chunks = Array.from({ length: chunkCount(table) }, (_, index) => nameChunk(table, index));
    const missing = this.#missingChunks(chunks);
    const pieces = missing.map((index) => chunkRange(table, index));
    const ranges = coalesce(pieces, this.#costs(pieces, layer));
    let next = 0;
    for (const { range, pieces: kept } of ranges) {
      const id = this.#addGroup({ range, pieces: kept });
      let ready = 0;
      for (; next < missing.length && (pieces[next] as ByteRange).end <= range.end; next++) {
        const piece = pieces[next] as ByteRange;
        ready = this.#placeNew(chunks[missing[next] as number] as NamedChunk, rangeLength(piece), {
          id,
          ready,
        });
      }
      this.#rollOver();
    }
    const sources = this.#sources(table, chunks);
    this.plan.layers.push({ kind: 'chunked', sources });
    this.plan.bytes.push(countBytes(sources, ranges));
  }

  #missingChunks(chunks: readonly NamedChunk[]): number[] {
    const seen = new Set<string>();
    const missing: number[] = [];
    chunks.forEach((chunk, index) => {
      if (seen.has(chunk.name) || this.#findChunk('frame', chunk)) return;
      seen.add(chunk.name);
      missing.push(index);
    });
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

  #placeNew(chunk: NamedChunk, compressedSize: number, at: { id: number; ready: number }): number {
    const { key, size } = chunk;
    const { pack, packOffset } = this.plan.groups[at.id] as FetchGroup;
    const offset = packOffset + at.ready;
    const ready = at.ready + compressedSize;
    const file = this.#fileOf(`new ${pack}`, { kind: 'new', pack });
    this.#placed.set(chunk.name, { path: '', file, offset, compressedSize, size, group: at.id, ready });
    this.plan.chunks.push({ form: 'frame', digest: digestOfKey(key), pack, offset, compressedSize, size });
    return ready;
  }

  #sources(table: ChunkTable, chunks: readonly NamedChunk[]): ChunkSources {
    const sources = {
      files: new Uint32Array(chunks.length),
      offsets: new Float64Array(chunks.length),
      compressedSizes: new Float64Array(chunks.length),
      sizes: table.sizes,
      groups: new Int32Array(chunks.length),
      ready: new Float64Array(chunks.length),
    };
    chunks.forEach((chunk, index) => {
      const placed = this.#findChunk('frame', chunk) as Placed;
      sources.files[index] = placed.file;
      sources.offsets[index] = placed.offset;
      sources.compressedSizes[index] = placed.compressedSize;
      sources.groups[index] = placed.group;
      sources.ready[index] = placed.ready;
    });
    return sources;
  }

  #find(form: ChunkForm, digest: string, size: number): Placed | undefined {
    const name = placeName(form, digest, size);
    const known = this.#placed.get(name);
    if (known || !digest.startsWith('sha256:')) return known;
    return this.#findChunk(form, { key: digestKeyOfHex(digest.slice('sha256:'.length)), size, name });
  }

  #findChunk(form: ChunkForm, { key, size, name }: NamedChunk): Placed | undefined {
    const known = this.#placed.get(name);
    if (known) return known;
    const stored = this.#locate(form, key, size);
    if (!stored || stored.size !== size) return undefined;
    const file = this.#fileOf(`stored ${stored.path}`, { kind: 'stored', path: stored.path });
    const placed = { ...stored, file, group: -1, ready: 0 };
    this.#placed.set(name, placed);
    return placed;
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
