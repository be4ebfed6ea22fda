// The remote cache as this program sees it: immutable files under keys. A backend is one implementation.

/** Why a file was not saved. `exists`: another job was first, which is as good as saved. */
export type SaveOutcome =
  | { readonly kind: 'saved' }
  | { readonly kind: 'exists' }
  | { readonly kind: 'denied' | 'unavailable' | 'failed'; readonly message: string };

/**
 * No method throws for a fault of the service: a missing, broken or forbidden cache is a miss, or an outcome with a message.
 * A restored file is a hint: whoever uses it checks every byte.
 */
export interface BlobCache {
  /**
   * Finds the newest entry whose key starts with one of `prefixes` (tried in order) and writes it to `file`.
   * `name` is the constant part of the entry's identity that must be equal when it was saved. Returns the full key, or undefined.
   */
  restore(name: string, prefixes: readonly string[], file: string): Promise<string | undefined>;
  /** As restore, without fetching. */
  lookup(name: string, prefixes: readonly string[]): Promise<string | undefined>;
  save(name: string, key: string, file: string): Promise<SaveOutcome>;
}
