// The remote cache as this program sees it: immutable files under keys. A backend is one implementation.
import type { ByteRange } from '../bytes/range.ts';
import { MAX_ENTRY_BYTES } from '../store/pack-format.ts';
import { MAX_PACK_ENTRIES } from '../store/pack-trailer.ts';

/**
 * What the service keeps for a file. archive: a compressed tar archive of it, made by @actions/cache. raw: its bytes.
 * Entries of one form are invisible to whoever reads the other.
 */
export type EntryForm = 'archive' | 'raw';

/**
 * Why a file was not saved. denied: this job may not write. quota: the storage is used up. throttled: too many requests, and the
 * service wants a longer pause than there is time. network: the service cannot be reached or keeps failing. unavailable: there is
 * no service for this job, or the file cannot be read. failed: anything else, for a backend that does not learn the reason perhaps
 * a reservation of another job that is still uploading. All but failed hold for every other file too.
 */
export type SaveFailure = 'denied' | 'quota' | 'throttled' | 'network' | 'unavailable' | 'failed';

/**
 * What became of a file to save. exists: it was there before. raced: another job saved it in the same moment. taken: another job
 * holds the key, and whether its upload has ended, or ever will, is not known. switched: the backend has given way to one that does
 * not see what was saved so far, and whatever belongs together has to be saved anew.
 */
export type SaveOutcome =
  | { readonly kind: 'saved' | 'exists' | 'raced' | 'taken' | 'switched' }
  | { readonly kind: SaveFailure; readonly message: string };

/** For all of this a backend does what it can; @actions/cache cannot be stopped. */
export interface TransferOptions {
  readonly signal?: AbortSignal;
}

export interface RestoreOptions extends TransferOptions {
  /** Bytes of the file. A backend that learns in time that the entry has another size fetches nothing. */
  readonly size?: number;
  /** A larger file is a miss, where the backend learns the size in time. */
  readonly maxBytes?: number;
}

export interface SaveRequest extends TransferOptions {
  /** The constant part of the entry's identity; equal at restore time. */
  readonly name: string;
  readonly key: string;
  /** An entry under any of these prefixes is as good as a new one, and nothing is uploaded. */
  readonly equivalents: readonly string[];
  /** Absolute path of the file to save; it is only read. */
  readonly file: string;
  /** As Date.now(): nobody waits for a service that asks for patience beyond this. */
  readonly deadline?: number;
}

/** An entry of which parts can be read. Faults of the service are logged by the backend. */
export interface OpenEntry {
  readonly key: string;
  /** Bytes of the whole; undefined before anything was read. */
  readonly size: number | undefined;
  /** Is everything sent whatever is asked for? Known once something was read. */
  readonly ignoresRanges: boolean;
  /** These bytes, at most MAX_READ_BYTES; undefined where they cannot be had, or reach beyond the end. */
  read(range: ByteRange): Promise<Buffer | undefined>;
  /**
   * Writes these ranges, sorted and disjoint, to the same places of `file`, which must exist, several at a time. Returns whether all
   * of them are there; if not, what stands in them is undefined.
   */
  copy(ranges: readonly ByteRange[], file: string): Promise<boolean>;
}

/** 114,000,000: the table of a pack with all entries that it may have, did they not compress at all. */
export const MAX_READ_BYTES = MAX_PACK_ENTRIES * MAX_ENTRY_BYTES;

/**
 * No method throws for a fault of the service: a missing, broken or forbidden cache is a miss, or an outcome with a message.
 * A restored file is a hint: whoever uses it checks every byte. Transfers of different names may overlap, of one name not.
 */
export interface BlobCache {
  /** What entries are read and written now. */
  readonly form: EntryForm;
  /**
   * Finds the newest entry whose key starts with one of `prefixes` (tried in order) and writes it to `file`, atomically.
   * `name` is the constant part of the entry's identity that must be equal when it was saved. Returns the full key, or undefined.
   */
  restore(
    name: string,
    prefixes: readonly string[],
    file: string,
    options?: RestoreOptions,
  ): Promise<string | undefined>;
  /** As restore, without fetching. */
  lookup(name: string, prefixes: readonly string[], options?: TransferOptions): Promise<string | undefined>;
  /** As lookup, to read parts of the entry. Only while the form is raw; undefined is a miss only then. */
  open?(name: string, prefixes: readonly string[], options?: RestoreOptions): Promise<OpenEntry | undefined>;
  save(request: SaveRequest): Promise<SaveOutcome>;
}
