import type { Quota } from '../registry/quota.ts';
import type { HostFigures } from '../source/source.ts';
import type { PackFile } from '../store/pack-file.ts';
import type { WrittenImage } from '../unpack/output.ts';
import type { OwnerPolicy } from '../unpack/ownership.ts';
import type { UnpackedPart } from '../unpack/unpacker.ts';
import type { Engine, Format } from './options.ts';
import type { SkippedSummary } from './skipped.ts';

/** How a layer was had. */
export type LayerWay = 'cached' | 'local' | 'ranges' | 'whole';

/**
 * What proved a layer, from the manifest on. `diff-id`: the digest of its tar stream; `digest`: that of the layer as it is stored, whose
 * diff_id was checked when it came into the store; `toc`: the digests of its table of contents and of the chunks that were needed.
 */
export type LayerChain = 'diff-id' | 'digest' | 'toc';

export interface LayerReport {
  /** Digest of the compressed layer. */
  readonly digest: string;
  readonly format: 'zstd:chunked' | 'estargz' | 'zstd' | 'gzip' | 'tar';
  readonly way: LayerWay;
  /** Why not by ranges, in words, where a chunked layer or server made it so. */
  readonly reason?: string;
  readonly chain: LayerChain;
  /** Compressed size of the layer in the registry, bytes. */
  readonly compressedSize: number;
  readonly bytesDownloaded: number;
  /** Compressed bytes taken from the chunk store. */
  readonly bytesFromCache: number;
  /** Compressed bytes read in place from a layout or archive of this machine, the image's own or a seed. */
  readonly bytesFromSeed: number;
  /** Range or whole requests made for this layer. */
  readonly requests: number;
  /** Wall time of this layer's unpacking, milliseconds. */
  readonly milliseconds: number;
}

/** Wall time of each stage, milliseconds. Fetching and unpacking overlap; `total` is the whole pull. */
export interface Timings {
  readonly resolve: number;
  readonly restore: number;
  readonly plan: number;
  readonly fetchAndUnpack: number;
  readonly finish: number;
  readonly total: number;
}

export interface PullResult {
  /** `registry/repository@sha256:…` of the platform's manifest. */
  readonly image: string;
  /** Digest of the platform's manifest. */
  readonly digest: string;
  /** Digest of the index the reference named, if it named one. */
  readonly indexDigest?: string;
  /** `os/architecture[/variant]` */
  readonly platform: string;
  /** Absent: rootfs. */
  readonly format?: Format;
  /** Of a layout: does it hold the manifest and the layers as they are in the registry? */
  readonly manifestKept?: WrittenImage['manifestKept'];
  /** The engine that got the image. */
  readonly loaded?: Engine;
  /** Of what was made. */
  readonly rootPath: string;
  /** The image's config JSON, beside the root file system. */
  readonly configPath: string;
  /** Who owns the tree: whom the image says, or the user who ran this. */
  readonly ownership: OwnerPolicy;
  /** What was left out of the tree. Owners that became the user's do not count: `ownership` tells. */
  readonly skipped: SkippedSummary;
  /** The list of it, a JSON file beside the root file system; absent where nothing was left out. */
  readonly skippedPath?: string;
  /** `registry/repository`, or the path of a layout or archive. */
  readonly repository: string;
  /** Was the image pulled with a credential, and cannot be pulled without? */
  readonly isRestricted: boolean;
  /** true if no layer data came from the registry. */
  readonly cacheHit: boolean;
  /** Layer data received from the registry, including tables of contents, gaps and retries, bytes. */
  readonly bytesDownloaded: number;
  readonly bytesFromCache: number;
  /** Compressed bytes that were read where they lie, in a seed or the image on this machine. */
  readonly bytesFromSeed: number;
  /** Compressed size of all layers, bytes. */
  readonly bytesTotal: number;
  /** Chunks, layers and packs of the chunk store that were damaged, and were fetched again or are gone. */
  readonly cacheRepairs: number;
  /** All HTTP requests to the registry. */
  readonly requests: number;
  /** Mirrors and registry, in the order they were asked; empty for an image on this machine. */
  readonly hosts: readonly HostFigures[];
  readonly quota?: Quota;
  readonly layers: readonly LayerReport[];
  /** What of the image the tree is; absent where it is all of it. */
  readonly part?: UnpackedPart;
  readonly timings: Timings;
  /** What a user should know, in words (skipped devices, damaged cache entries). */
  readonly warnings: readonly string[];
  /** Packs this pull added to the store: what a later save has to upload. */
  readonly newPacks: readonly PackFile[];
  /** Every pack that holds a part of this image, new ones included. */
  readonly livePacks: readonly PackFile[];
  /** Keys of those that hold something of other images as well; only with `uploadsFromSharedStore`, and if there are any. */
  readonly mixedPacks?: ReadonlySet<string>;
}
