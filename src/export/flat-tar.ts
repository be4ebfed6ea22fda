// The final tree of an image as one tar stream. Its layers come twice: see final-tree.ts and emission.ts.
import { PullError } from '../errors.ts';
import type { TarHandler } from '../tar/entry.ts';
import { createTarReader, type TarReader } from '../tar/reader.ts';
import { Quota } from '../unpack/quota.ts';
import { SkipList } from '../unpack/skips.ts';
import type { LayerContents } from '../unpack/unpacker.ts';
import { Emission } from './emission.ts';
import type { Exporter, ExporterOptions } from './exporter.ts';
import { FinalTreeFinder } from './final-tree.ts';
import { OutputFile } from './output-file.ts';

export function createTarExporter(options: ExporterOptions): Exporter {
  return new TarExporter(options);
}

class TarExporter implements Exporter {
  readonly #file: OutputFile;
  readonly #quota: Quota;
  readonly #skips = new SkipList();
  readonly #finder: FinalTreeFinder;
  readonly #layerCount: number;
  #emission: Emission | undefined;
  #streams = 0;
  #layer = 0;
  #reader: TarReader;

  constructor({ path, layers, limits }: ExporterOptions) {
    this.#file = new OutputFile(path);
    this.#quota = new Quota(limits);
    this.#finder = new FinalTreeFinder({ limits, quota: this.#quota, skips: this.#skips });
    this.#layerCount = layers.length;
    this.#reader = createTarReader(this.#finder);
  }

  beginLayer(index: number, { createReader = createTarReader }: LayerContents): void {
    this.#layer = index;
    if (this.#streams++ === this.#layerCount) this.#startEmission();
    if (!this.#emission) this.#finder.planner.beginLayer(index);
    const handler: TarHandler = this.#emission ?? this.#finder;
    this.#reader = createReader(handler);
  }

  write(bytes: Uint8Array): void {
    this.#located(() => {
      if (!this.#emission) this.#quota.countStream(bytes.length);
      this.#reader.push(bytes);
    });
  }

  endLayer(): number {
    this.#located(() => this.#reader.finish());
    return this.#emission ? 0 : this.#finder.planner.endLayer();
  }

  finish() {
    // An image without layers has but a root.
    this.#startEmission().finish();
    this.#file.close();
    return { skipped: this.#skips.report() };
  }

  abort(): void {
    this.#file.abort();
  }

  #startEmission(): Emission {
    this.#emission ??= new Emission(this.#finder.result(), (bytes) => {
      this.#quota.countArchive(bytes.length);
      this.#file.append(bytes);
    });
    return this.#emission;
  }

  /** Adds to a failure that is the image's fault where in the image it is. */
  #located(work: () => void): void {
    try {
      work();
    } catch (error) {
      if (!(error instanceof PullError) || error.code === 'DISK_FULL') throw error;
      const place = `layer ${this.#layer + 1}, tar entry at byte ${this.#reader.position}`;
      throw new PullError(error.code, `${error.message} (${place})`, {
        hint: error.hint,
        cause: error.cause,
      });
    }
  }
}
