// What a pull asks of the remote cache before it plans.
import type { ArrivingPack } from './arriving-pack.ts';
import type { IsNeeded } from './pack-contents.ts';

/** Names an image for cache keys. */
export interface ImageIdentity {
  /** `registry/repository` */
  readonly repository: string;
  /** Digest of the platform's manifest. */
  readonly manifestDigest: string;
  /** `os/architecture[/variant]` */
  readonly platform: string;
}

/** exact: this image. base: another one of the same repository of images. other: one of another. */
export type HeadMatch = 'exact' | 'base' | 'other';

export interface RestoreReport {
  /** Whose head was found. */
  readonly match: HeadMatch | 'none';
  /** Keys of all packs that the found head lists and that are now in the packs directory. */
  readonly packKeys: readonly string[];
  /** Bytes of the packs that were fetched. */
  readonly bytes: number;
  /** Heads that could not be read, and packs that were listed and are gone or have another size. */
  readonly unusable: number;
  /** Packs that are left where they are until restoreRest. */
  readonly waiting: number;
  /** Packs that can be read while they are on their way; whoever asked has to settle or abandon each. */
  readonly arriving: readonly ArrivingPack[];
}

export interface CacheSession {
  /**
   * Brings the packs that may help with `image` into `packsDirectory` as `<key>.pack`, or on their way there. Never throws for a fault of the
   * cache: it warns through its logger and reports what it has. `isNamed`: what the manifest alone says is needed; with it, packs of
   * another image that hold nothing of that are left waiting, where the cache can tell.
   */
  restore(image: ImageIdentity, packsDirectory: string, isNamed?: IsNeeded): Promise<RestoreReport>;
  /**
   * Brings of the packs that are waiting those that hold enough of what the image needs. The report is of both calls together.
   * Never throws either.
   */
  restoreRest(isNeeded: IsNeeded): Promise<RestoreReport>;
}
