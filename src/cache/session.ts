// What a pull asks of the remote cache before it plans.

/** Names an image for cache keys. */
export interface ImageIdentity {
  /** `registry/repository` */
  readonly repository: string;
  /** Digest of the platform's manifest. */
  readonly manifestDigest: string;
  /** `os/architecture[/variant]` */
  readonly platform: string;
}

export interface RestoreReport {
  /** exact: the head of this very image; base: the newest head of its repository; none: nothing found. */
  readonly match: 'exact' | 'base' | 'none';
  /** Keys of all packs that the found head lists and that are now in the packs directory. */
  readonly packKeys: readonly string[];
  /** Bytes of the packs that were fetched. */
  readonly bytes: number;
}

export interface CacheSession {
  /**
   * Brings the packs that may help with `image` into `packsDirectory` as `<key>.pack`. Never throws for a fault of the
   * cache: it warns through its logger and reports what it has.
   */
  restore(image: ImageIdentity, packsDirectory: string): Promise<RestoreReport>;
}
