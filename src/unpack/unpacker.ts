// Unpacks the layers of an image, as tar streams, into one directory. Runs in a worker: all calls to the file system are synchronous.
import { PullError } from '../errors.ts';
import { createTarReader, type TarReader } from '../tar/reader.ts';
import type { FileSink } from './file-sink.ts';
import { finishTree } from './finish.ts';
import { createFsSink } from './fs-sink.ts';
import { DEFAULT_LIMITS, type UnpackLimits } from './limits.ts';
import { HostPaths } from './names.ts';
import type { OwnerPolicy } from './ownership.ts';
import { Planner } from './planner.ts';
import { Quota } from './quota.ts';
import { SkipList, type SkipReport } from './skips.ts';

export interface UnpackOptions {
  /** Absolute path of an empty directory of mode 0700, made by the caller and removed by it if anything throws. */
  readonly root: string;
  readonly owner: OwnerPolicy;
  readonly limits?: Partial<UnpackLimits>;
}

export interface UnpackReport {
  /** Entries of all layers. */
  readonly entries: number;
  /** What was left out. */
  readonly skipped: SkipReport;
}

/** Used in this order: for each layer beginLayer, write, endLayer; then finish. After something was thrown: abort. */
export interface Unpacker {
  /** Layers start with 0, lowest first. */
  beginLayer(index: number): void;
  /**
   * Takes bytes of the layer's tar stream, in any slicing; they are read during the call only.
   * Throws TAR_INVALID, PATH_UNSAFE, UNPACK_FAILED, LIMIT_EXCEEDED, DISK_FULL.
   */
  write(bytes: Uint8Array): void;
  /** Throws TAR_INVALID if the stream ended inside of an entry. */
  endLayer(): { entries: number };
  /** Sets what can be set only at the end, on the root too: afterwards it has the image's mode and owner. */
  finish(): Promise<UnpackReport>;
  /** Closes what is open. Never throws. */
  abort(): void;
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
    this.#planner = new Planner({ sink: this.#sink, limits, quota: this.#quota, owner, skips: this.#skips });
    this.#reader = createTarReader(this.#planner);
  }

  beginLayer(index: number): void {
    this.#layer = index;
    this.#reader = createTarReader(this.#planner);
    this.#planner.beginLayer(index);
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

  async finish(): Promise<UnpackReport> {
    const paths = new HostPaths(this.#options.root);
    await finishTree(this.#planner.root, {
      sink: this.#sink,
      paths,
      owner: this.#options.owner,
      skips: this.#skips,
    });
    return { entries: this.#entries, skipped: this.#skips.report() };
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
