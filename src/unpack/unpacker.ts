// Unpacks the layers of an image, as tar streams, into one directory. Runs in a worker: all calls to the file system are synchronous.
import { PullError } from '../errors.ts';
import type { TarHandler } from '../tar/entry.ts';
import { createTarReader, type TarReader } from '../tar/reader.ts';
import type { FileSink } from './file-sink.ts';
import { finishTree } from './finish.ts';
import { createFsSink } from './fs-sink.ts';
import { DEFAULT_LIMITS, type UnpackLimits } from './limits.ts';
import { HostPaths } from './names.ts';
import type { KeptEntries } from './node-maker.ts';
import type { OwnerPolicy } from './ownership.ts';
import { Planner } from './planner.ts';
import type { Pruned } from './prune.ts';
import { Quota } from './quota.ts';
import { createSelection } from './selection.ts';
import { SkipList, type SkipReport } from './skips.ts';
import type { Origin } from './tree.ts';

export interface UnpackOptions {
  /** Absolute path of an empty directory of mode 0700, made by the caller and removed by it if anything throws. */
  readonly root: string;
  readonly owner: OwnerPolicy;
  readonly limits?: Partial<UnpackLimits>;
  /** Globs for what is to be unpacked, see createSelection; none: everything. */
  readonly paths?: readonly string[] | undefined;
}

export interface UnpackReport {
  /** Entries of all layers. */
  readonly entries: number;
  /** What was left out. */
  readonly skipped: SkipReport;
  /** What of the image it is; absent where everything was unpacked. */
  readonly part?: UnpackedPart | undefined;
}

export interface UnpackedPart {
  /** Names of the tree that match the globs; parents that do not match are not among them. */
  readonly matched: number;
  /** Globs that match nothing, or leave nothing out. */
  readonly idle: readonly string[];
  /** Bytes of files: of all layers, and those that were written. */
  readonly bytesRead: number;
  readonly bytesWritten: number;
}

/** Used in this order: for each layer beginLayer, write, endLayer; then finish. After something was thrown: abort. */
export interface Unpacker {
  /** Layers start with 0, lowest first. */
  beginLayer(index: number, contents?: LayerContents): void;
  /**
   * Takes bytes of the layer's tar stream, in any slicing; they are read during the call only.
   * Throws TAR_INVALID, PATH_UNSAFE, UNPACK_FAILED, LIMIT_EXCEEDED, DISK_FULL.
   */
  write(bytes: Uint8Array): void;
  /** Throws TAR_INVALID if the stream ended inside of an entry. */
  endLayer(): { entries: number };
  /**
   * Takes away what no layer was wanted for. Returns the files that should be in the tree and were not written: with any of them the
   * tree is not the image's. Belongs before finish.
   */
  prune(): readonly Origin[];
  /** Sets what can be set only at the end, on the root too: afterwards it has the image's mode and owner. */
  finish(): Promise<UnpackReport>;
  /** Closes what is open. Never throws. */
  abort(): void;
}

/** What of a layer is written, and in which form it comes. */
export interface LayerContents {
  /** Absent: what the globs say. */
  readonly kept?: KeptEntries | undefined;
  /** Makes the reader of its bytes; absent: they are a tar stream. */
  readonly createReader?: ((handler: TarHandler) => TarReader) | undefined;
}

/** Throws UNPACK_FAILED if the root is no directory. */
export function createUnpacker(options: UnpackOptions): Unpacker {
  return new TreeUnpacker(options);
}

class TreeUnpacker implements Unpacker {
  readonly #options: UnpackOptions;
  readonly #sink: FileSink;
  readonly #planner: Planner;
  readonly #quota: Quota;
  readonly #skips = new SkipList();
  #reader: TarReader;
  #layer = 0;
  #entries = 0;
  #pruned: Pruned | undefined;

  constructor(options: UnpackOptions) {
    const limits = { ...DEFAULT_LIMITS, ...options.limits };
    const { owner } = options;
    this.#options = options;
    this.#quota = new Quota(limits);
    this.#sink = createFsSink({
      root: options.root,
      owner,
      onCopy: (size) => this.#quota.countCopy(size),
    });
    this.#planner = new Planner({
      sink: this.#sink,
      limits,
      quota: this.#quota,
      owner,
      skips: this.#skips,
      selection: createSelection(options.paths ?? []),
    });
    this.#reader = createTarReader(this.#planner);
  }

  beginLayer(index: number, { kept, createReader = createTarReader }: LayerContents = {}): void {
    this.#layer = index;
    this.#reader = createReader(this.#planner);
    this.#planner.beginLayer(index, kept);
  }

  write(bytes: Uint8Array): void {
    try {
      this.#quota.countStream(bytes.length);
      this.#reader.push(bytes);
    } catch (error) {
      throw this.#located(error);
    }
  }

  endLayer(): { entries: number } {
    try {
      this.#reader.finish();
    } catch (error) {
      throw this.#located(error);
    }
    const entries = this.#planner.endLayer();
    this.#entries += entries;
    return { entries };
  }

  prune(): readonly Origin[] {
    this.#pruned = this.#planner.prune();
    return this.#pruned?.missing ?? [];
  }

  async finish(): Promise<UnpackReport> {
    const paths = new HostPaths(this.#options.root);
    await finishTree(this.#planner.root, {
      sink: this.#sink,
      paths,
      owner: this.#options.owner,
      skips: this.#skips,
    });
    return { entries: this.#entries, skipped: this.#skips.report(), part: this.#part() };
  }

  #part(): UnpackedPart | undefined {
    if (!this.#pruned) return undefined;
    const { matched, idle } = this.#pruned;
    const { read, written } = this.#planner.bytes;
    return { matched, idle, bytesRead: read, bytesWritten: written };
  }

  abort(): void {
    this.#sink.abort();
  }

  /** Adds to a failure that is the image's fault where in the image it is. */
  #located(error: unknown): unknown {
    if (!(error instanceof PullError) || error.code === 'DISK_FULL') return error;
    const place = `layer ${this.#layer + 1}, tar entry at byte ${this.#reader.position}`;
    return new PullError(error.code, `${error.message} (${place})`, { hint: error.hint, cause: error.cause });
  }
}
