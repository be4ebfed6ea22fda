// What writes one format, layer by layer.
import type { Digest } from '../oci/digest.ts';
import type { UnpackLimits } from '../unpack/limits.ts';
import type { ImageOutput } from '../unpack/output.ts';
import type { SkipReport } from '../unpack/skips.ts';
import type { LayerContents } from '../unpack/unpacker.ts';

/** Used in this order: for each stream beginLayer, write, endLayer; then finish. After something was thrown: abort. */
export interface Exporter {
  /** Layers start with 0, lowest first; after the last one they may come once more. */
  beginLayer(index: number, contents: LayerContents): void;
  /** The bytes are read during the call only. */
  write(bytes: Uint8Array): void;
  /** Returns the number of the layer's entries, where they were looked at. */
  endLayer(): number;
  /** Once everything is proven. */
  finish(): { readonly skipped: SkipReport };
  /** Closes what is open. Never throws. */
  abort(): void;
}

export interface ExporterOptions {
  /** Of the file or directory to be made. */
  readonly path: string;
  readonly output: ImageOutput;
  /** By layer: what it is called in what is written. */
  readonly layers: readonly LayerNames[];
  readonly limits: UnpackLimits;
}

export interface LayerNames {
  readonly diffId: Digest;
  readonly digest: Digest;
}

export const NOTHING_SKIPPED: SkipReport = { count: 0, byKind: { device: 0, fifo: 0, xattr: 0 }, named: [] };
