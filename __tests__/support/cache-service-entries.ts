// The entries of the cache service double and the tokens that may see them.
import { randomUUID } from 'node:crypto';

export interface Entry {
  readonly id: string;
  readonly number: string;
  readonly scope: string;
  readonly key: string;
  readonly version: string;
  readonly created: number;
  /** Logical time of the last read. */
  used: number;
  size: number;
  finalized: boolean;
}

/** A job's rights: it writes to the first scope (unless read-only) and reads all of them, in order. */
export interface TokenOptions {
  scopes?: readonly string[];
  readOnly?: boolean;
  noRead?: boolean;
}

export class EntryTable {
  #entries: Entry[] = [];
  #clock = 0;

  /** A new reservation, or undefined if scope, key and version are taken, be it only by another reservation. */
  reserve(scope: string, key: string, version: string): Entry | undefined {
    if (this.#find(scope, version, (entry) => same(entry.key, key))) return undefined;
    this.#clock += 1;
    const names = { id: randomUUID(), number: String(this.#clock), scope, key, version };
    const entry = { ...names, created: this.#clock, used: this.#clock, size: 0, finalized: false };
    this.#entries.push(entry);
    return entry;
  }

  reservation(scope: string, key: string, version: string): Entry | undefined {
    return this.#find(scope, version, (entry) => same(entry.key, key) && !entry.finalized);
  }

  finalize(entry: Entry, size: number): void {
    entry.size = size;
    entry.finalized = true;
  }

  finalized(): Entry[] {
    return this.#entries.filter((entry) => entry.finalized);
  }

  /** Scope by scope; within one each key in turn, exactly and then as a prefix, the newest first. */
  match(keys: readonly string[], version: string, scopes: readonly string[]): Entry | undefined {
    for (const scope of scopes)
      for (const key of keys) {
        const exact = (entry: Entry) => entry.finalized && same(entry.key, key);
        const prefix = (entry: Entry) => entry.finalized && same(entry.key.slice(0, key.length), key);
        const found = this.#find(scope, version, exact) ?? this.#find(scope, version, prefix);
        if (!found) continue;
        this.#clock += 1;
        found.used = this.#clock;
        return found;
      }
    return undefined;
  }

  /** As if entries had been saved under other keys. */
  rename(change: (key: string) => string): void {
    this.#entries = this.#entries.map((entry) => ({ ...entry, key: change(entry.key) }));
  }

  /** Removes entries; returns the ids of their blobs. */
  removeWhere(condition: (entry: Entry) => boolean): string[] {
    const removed = this.#entries.filter(condition);
    this.#entries = this.#entries.filter((entry) => !removed.includes(entry));
    return removed.map((entry) => entry.id);
  }

  /** Removes the least recently used entries until the rest fits; returns the ids of their blobs. */
  evictOver(quotaBytes = Number.POSITIVE_INFINITY): string[] {
    let total = this.finalized().reduce((sum, entry) => sum + entry.size, 0);
    const evicted = new Set<Entry>();
    for (const entry of this.finalized().toSorted((a, b) => a.used - b.used)) {
      if (total <= quotaBytes) break;
      total -= entry.size;
      evicted.add(entry);
    }
    return this.removeWhere((entry) => evicted.has(entry));
  }

  #find(scope: string, version: string, fits: (entry: Entry) => boolean): Entry | undefined {
    return this.#entries
      .filter((entry) => entry.scope === scope && entry.version === version && fits(entry))
      .toSorted((a, b) => b.created - a.created)[0];
  }
}

/** A token in the shape of a JWT; the double trusts it unsigned. */
export function makeToken(options: TokenOptions = {}): string {
  const claims = { scopes: ['refs/heads/main'], readOnly: false, noRead: false, ...options };
  const part = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');
  return `${part({ alg: 'none' })}.${part(claims)}.x`;
}

export function readToken(header: string | undefined): Required<TokenOptions> | undefined {
  const payload = /^Bearer [^.]+\.([^.]+)\./.exec(header ?? '')?.[1];
  return payload === undefined ? undefined : JSON.parse(Buffer.from(payload, 'base64url').toString());
}

function same(a: string, b: string): boolean {
  return a.toLowerCase() === b.toLowerCase();
}
