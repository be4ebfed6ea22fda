// The remote cache as this program sees it: immutable files under keys. A backend is one implementation.

/**
 * What became of a file to save. exists: it was there before. raced: another job saved it in the same moment.
 * denied and unavailable hold for every other file too; failed may be a reservation of another job that is still uploading.
 */
export type SaveOutcome =
  | { readonly kind: 'saved' | 'exists' | 'raced' }
  | { readonly kind: 'denied' | 'unavailable' | 'failed'; readonly message: string };

export interface SaveRequest {
  /** The constant part of the entry's identity; equal at restore time. */
  readonly name: string;
  readonly key: string;
  /** An entry under any of these prefixes is as good as a new one, and nothing is uploaded. */
  readonly equivalents: readonly string[];
  /** Absolute path of the file to save; it is only read. */
  readonly file: string;
}

/**
 * No method throws for a fault of the service: a missing, broken or forbidden cache is a miss, or an outcome with a message.
 * A restored file is a hint: whoever uses it checks every byte. Transfers of different names may overlap, of one name not.
 */
export interface BlobCache {
  /**
   * Finds the newest entry whose key starts with one of `prefixes` (tried in order) and writes it to `file`, atomically.
   * `name` is the constant part of the entry's identity that must be equal when it was saved. Returns the full key, or undefined.
   */
  restore(name: string, prefixes: readonly string[], file: string): Promise<string | undefined>;
  /** As restore, without fetching. */
  lookup(name: string, prefixes: readonly string[]): Promise<string | undefined>;
  save(request: SaveRequest): Promise<SaveOutcome>;
}
