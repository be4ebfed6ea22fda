// What the tables of contents of all layers may take in memory together: each has its limits, but an image may have a thousand layers.
import { PullError } from '../errors.ts';
import type { LayerMetadata } from '../fetch/layer-metadata.ts';
import { type ChunkTable, chunkCount } from '../layer/chunk-table.ts';
import type { Descriptor } from '../oci/descriptor.ts';

/** Entries, or chunks where these are more; as many as a tree may have. */
export const MAX_HELD_ENTRIES = 5_000_000;
/** Bytes of entries and tables. They are copied whole to the thread that works with them. */
export const MAX_HELD_BYTES = 512 << 20;

export interface TocLimits {
  readonly entries: number;
  readonly bytes: number;
}

/** For one image. What the manifest repeats is read once, and counts each time: whoever uses it unpacks it each time. */
export class TocBudget {
  readonly #beyond: 'whole' | 'refused';
  readonly #limits: TocLimits;
  readonly #reads = new Map<string, Promise<LayerMetadata>>();
  #entries = 0;
  #bytes = 0;
  /** Once it is spent; the one error that this budget throws. */
  #refusal: PullError | undefined;

  /** `beyond`: what becomes of layers that it does not suffice for: plain ones with a reason, or LIMIT_EXCEEDED. */
  constructor(
    beyond: 'whole' | 'refused',
    limits: TocLimits = { entries: MAX_HELD_ENTRIES, bytes: MAX_HELD_BYTES },
  ) {
    this.#beyond = beyond;
    this.#limits = limits;
  }

  /** Throws LIMIT_EXCEEDED where it is spent: a table of contents that is read now would not be kept. */
  check(): void {
    if (this.#refusal) throw this.#refusal;
  }

  /** Throws what `read` throws, and LIMIT_EXCEEDED where this budget is to refuse. */
  read(descriptor: Descriptor, read: () => Promise<LayerMetadata>): Promise<LayerMetadata> {
    const key = JSON.stringify(descriptor);
    const earlier = this.#reads.get(key);
    const reading = this.#within(earlier ? () => earlier : read);
    if (!earlier) this.#reads.set(key, reading);
    return reading;
  }

  async #within(read: () => Promise<LayerMetadata>): Promise<LayerMetadata> {
    try {
      return this.#counted(await read());
    } catch (error) {
      const refusal = this.#refusal;
      if (!refusal || error !== refusal || this.#beyond === 'refused') throw error;
      return { kind: 'plain', reason: refusal.message };
    }
  }

  #counted(metadata: LayerMetadata): LayerMetadata {
    const { table, ...rest } = metadata;
    if (!table) return metadata;
    const entries = this.#entries + Math.max(table.firstChunk.length - 1, chunkCount(table));
    const own = metadata.kind === 'chunked' ? (metadata.entries?.byteLength ?? 0) : 0;
    const bytes = this.#bytes + own + bytesOf(table);
    const excess = describeExcess({ entries, bytes }, this.#limits);
    if (excess === undefined) {
      this.#entries = entries;
      this.#bytes = bytes;
      return metadata;
    }
    // Its table was only to spare a second look.
    if (rest.kind === 'plain') return rest;
    this.#refusal ??= new PullError('LIMIT_EXCEEDED', excess, {
      hint: 'Real images stay far below. A pull fetches layers beyond that whole.',
    });
    throw this.#refusal;
  }
}

function bytesOf({
  digests,
  offsets,
  compressedSizes,
  sizes,
  innerOffsets,
  gaps,
  firstChunk,
}: ChunkTable): number {
  const columns = [digests, offsets, compressedSizes, sizes, innerOffsets, gaps, firstChunk];
  return columns.reduce((sum, column) => sum + (column?.byteLength ?? 0), 0);
}

/** Both the reason of a layer and the message of an error. */
function describeExcess({ entries, bytes }: TocLimits, limits: TocLimits): string | undefined {
  if (entries > limits.entries)
    return `the TOCs of its layers together hold more than ${limits.entries} entries`;
  if (bytes > limits.bytes) return `the TOCs of its layers together take more than ${limits.bytes} bytes`;
  return undefined;
}
