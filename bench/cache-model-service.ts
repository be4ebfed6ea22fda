// The cache service as a model: entries in scopes, limits a minute, a quota, and eviction once an hour. Time is in seconds.

/** https://docs.github.com/en/actions/reference/limits */
const CREATES_A_MINUTE = 200;
const LOOKUPS_A_MINUTE = 1500;
/** https://docs.github.com/en/actions/reference/workflows-and-actions/dependency-caching */
const QUOTA_BYTES = 10e9;
const IDLE_SECONDS = 7 * 86_400;

interface Entry {
  readonly key: string;
  readonly scope: string;
  readonly size: number;
  readonly visible: number;
  used: number;
}

export class ModelService {
  /** Newest last. */
  #entries: Entry[] = [];
  readonly #creates = new Map<number, number>();
  readonly #lookups = new Map<number, number>();
  readonly #totals = { creates: 0, refused: 0, mostStored: 0, evicted: 0 };

  get figures() {
    const most = (counts: ReadonlyMap<number, number>) => Math.max(0, ...counts.values());
    return { ...this.#totals, mostCreates: most(this.#creates), mostLookups: most(this.#lookups) };
  }

  /** The key found first, scope by scope and prefix by prefix. */
  find(prefixes: readonly string[], scopes: readonly string[], time: number): string | undefined {
    if (!this.#admits(this.#lookups, LOOKUPS_A_MINUTE, time)) return undefined;
    for (const scope of scopes)
      for (const prefix of prefixes) {
        const found = this.#entries.findLast(
          (entry) => entry.scope === scope && entry.visible <= time && entry.key.startsWith(prefix),
        );
        if (!found) continue;
        found.used = time;
        return found.key;
      }
    return undefined;
  }

  /** false: taken, or too many of them. The entry is visible from `until` on. */
  create({ key, scope, size }: Pick<Entry, 'key' | 'scope' | 'size'>, time: number, until: number): boolean {
    if (!this.#admits(this.#creates, CREATES_A_MINUTE, time)) return false;
    if (this.#entries.some((entry) => entry.scope === scope && entry.key === key)) return false;
    this.#entries.push({ key, scope, size, visible: until, used: until });
    this.#totals.creates += 1;
    this.#totals.mostStored = Math.max(this.#totals.mostStored, this.#stored());
    return true;
  }

  /** What has not been used for a week, and then what was used least recently, until the rest fits. */
  evict(time: number): void {
    let left = this.#stored();
    const gone = new Set<Entry>();
    for (const entry of this.#entries.toSorted((a, b) => a.used - b.used)) {
      if (time - entry.used < IDLE_SECONDS && left <= QUOTA_BYTES) break;
      gone.add(entry);
      left -= entry.size;
      if (time - entry.used < IDLE_SECONDS) this.#totals.evicted += entry.size;
    }
    this.#entries = this.#entries.filter((entry) => !gone.has(entry));
  }

  #stored(): number {
    return this.#entries.reduce((sum, { size }) => sum + size, 0);
  }

  #admits(counts: Map<number, number>, limit: number, time: number): boolean {
    const minute = Math.floor(time / 60);
    const count = (counts.get(minute) ?? 0) + 1;
    counts.set(minute, count);
    if (count <= limit) return true;
    this.#totals.refused += 1;
    return false;
  }
}
