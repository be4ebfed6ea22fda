// Where manifests and blobs come from. One small interface; the registry is the first implementation.
import type { Link } from '../bytes/link.ts';
import type { ByteRange } from '../bytes/range.ts';
import type { Descriptor } from '../oci/descriptor.ts';
import type { Digest } from '../oci/digest.ts';
import type { Patience } from '../registry/patience.ts';
import type { Quota } from '../registry/quota.ts';

export interface RawManifest {
  /** As received; verified by the source against the digest where one was asked for. */
  readonly bytes: Uint8Array;
  /** The type the source gave it, without parameters, lower case; empty when it gave none. */
  readonly mediaType: string;
  /** sha256 of `bytes`, or the asked digest. */
  readonly digest: Digest;
}

/** The bytes of a blob, or of one range of it, in order and without gaps. Unverified: the consumer hashes. */
export interface BlobBody {
  /** What `chunks` holds: the range asked for, or the whole blob where the server ignores ranges. */
  readonly range: ByteRange;
  /** Resumes by itself after a broken connection; throws a PullError when that is hopeless. Ends after exactly `range`. */
  readonly chunks: AsyncIterable<Uint8Array>;
}

export interface BlobPlace {
  /** Absolute, no symbolic link. */
  readonly path: string;
  readonly offset: number;
  /** Of what stands there: the blob's own, or the layer's diff_id where it is its tar stream, not compressed. */
  readonly digest: Digest;
  readonly size: number;
}

export interface ImageSource {
  /** For messages: `registry/repository`. */
  readonly name: string;
  /**
   * Fetches a manifest or index. At most MAX_MANIFEST_BYTES. `expected` makes size and digest part of the check. `patience`: full unless
   * told; brief for what can be done without.
   */
  manifest(target: string, expected?: Descriptor, patience?: Patience): Promise<RawManifest>;
  /** Fetches a small blob whole (a config), verified against its descriptor; at most `maxBytes`. */
  smallBlob(descriptor: Descriptor, maxBytes: number): Promise<Uint8Array>;
  /** Opens a non-empty range of a blob. The promise settles when the answer's kind (range or whole) is known. */
  openBlob(descriptor: Descriptor, range: ByteRange, signal: AbortSignal): Promise<BlobBody>;
  /**
   * Where all of the blob stands in a file of this machine, to be read there instead of being fetched; undefined: nowhere.
   * With `diffId`, of a layer, its uncompressed tar stream will do as well. Unverified.
   * Throws LAYOUT_INVALID where it should stand there and does not.
   */
  locate?(descriptor: Descriptor, diffId?: Digest): BlobPlace | undefined;
  /** Running totals for the summary: HTTP requests made so far, all kinds. */
  readonly requests: number;
  /** Who served what, for a source that has hosts: in the order they are asked. */
  readonly hosts?: readonly HostFigures[];
  /** What the way to the blobs is like, for the planner; undefined: nothing is known yet. */
  link?(): Link | undefined;
  /** How many pulls the registry still allows, where it says so. */
  readonly quota?: Quota | undefined;
  /**
   * To be called when bytes of this blob turned out damaged: whoever sent them is not asked for it again.
   * true: somebody else will be asked, so that the next bytes are none of these.
   */
  distrust?(digest: Digest): boolean;
  /** To be asked when the image stands: hosts and seeds that were of no use, in words. */
  remarks?(): readonly Remark[];
  /** Some tags of the repository, for messages; empty where nothing can be learnt. Never throws. */
  tags?(): Promise<readonly string[]>;
  close(): Promise<void>;
}

export interface Remark {
  readonly kind: 'info' | 'warning';
  readonly message: string;
}

export interface HostFigures {
  /** `host[:port]` */
  readonly host: string;
  /** Of manifests and blobs, received. */
  readonly bytes: number;
  /** HTTP requests, those for tokens and redirects included. */
  readonly requests: number;
  /** Questions it failed to answer. */
  readonly failures: number;
}
