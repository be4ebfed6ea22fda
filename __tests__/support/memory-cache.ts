// A BlobCache in memory, for the flows above it: records what is asked, and fails on request.
import { readFile, writeFile } from 'node:fs/promises';
import type { BlobCache, EntryForm, SaveOutcome, SaveRequest } from '../../src/cache/blob-cache.ts';

export class MemoryCache implements BlobCache {
  form: EntryForm = 'raw';
  /** Newest last. */
  readonly entries: { readonly name: string; readonly key: string; bytes: Buffer }[] = [];
  readonly calls: string[] = [];
  /** Instead of saving a file under this name, answer so. */
  outcomeFor: (request: SaveRequest) => SaveOutcome | undefined = () => undefined;
  /** Awaited before any answer. */
  delay: () => Promise<unknown> = async () => undefined;
  inFlight = 0;
  maxInFlight = 0;

  async restore(name: string, prefixes: readonly string[], file: string): Promise<string | undefined> {
    const found = await this.#call('restore', name, prefixes);
    if (found) await writeFile(file, found.bytes);
    return found?.key;
  }

  async lookup(name: string, prefixes: readonly string[]): Promise<string | undefined> {
    return (await this.#call('lookup', name, prefixes))?.key;
  }

  async save(request: SaveRequest): Promise<SaveOutcome> {
    const { name, key, equivalents, file } = request;
    const found = await this.#call('save', name, [key, ...equivalents]);
    const outcome = this.outcomeFor(request);
    if (outcome) return outcome;
    if (found) return { kind: 'exists' };
    this.entries.push({ name, key, bytes: await readFile(file) });
    return { kind: 'saved' };
  }

  keys(): string[] {
    return this.entries.map((entry) => entry.key);
  }

  async #call(method: string, name: string, prefixes: readonly string[]) {
    this.calls.push(`${method} ${prefixes.join(' ')}`);
    this.inFlight += 1;
    this.maxInFlight = Math.max(this.maxInFlight, this.inFlight);
    await this.delay();
    this.inFlight -= 1;
    for (const prefix of prefixes) {
      const found = this.entries.findLast((entry) => entry.name === name && entry.key.startsWith(prefix));
      if (found) return found;
    }
    return undefined;
  }
}
