// A pack that arrives when a test says so: an entry of the cache service in memory, whose parts come in any order.
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import type { ByteRange } from '../../src/bytes/range.ts';
import { ArrivingPack } from '../../src/cache/arriving-pack.ts';
import type { OpenEntry } from '../../src/cache/blob-cache.ts';
import { readContents } from '../../src/cache/pack-contents.ts';

/** One request for a part that waits for its answer. */
export interface AskedPart {
  readonly range: ByteRange;
  /** Writes the bytes, and says so. */
  answer(): Promise<void>;
  fail(): void;
}

export interface TestArrival {
  readonly arriving: ArrivingPack;
  /** Of the requests that were made, those without an answer. */
  readonly asked: AskedPart[];
  readonly finalPath: string;
  readonly settled: boolean[];
  readonly stops: number;
}

/** `pack`: its bytes. Made in `directory`, as the pack of `key`. */
export async function makeArrival(directory: string, key: string, pack: Buffer): Promise<TestArrival> {
  const asked: AskedPart[] = [];
  const entry = entryOf(pack, asked);
  const contents = await readContents(entry, pack.length);
  if (typeof contents === 'string') throw new Error(contents);
  const finalPath = join(directory, `${key}.pack`);
  const settled: boolean[] = [];
  let stops = 0;
  const arriving = await ArrivingPack.create({
    key,
    size: pack.length,
    entry,
    end: contents.end,
    path: join(directory, `${key}.partial`),
    finalPath,
    stop: () => {
      stops++;
      for (const { fail } of asked.splice(0)) fail();
    },
    onSettled: (isThere) => settled.push(isThere),
  });
  return {
    arriving,
    asked,
    finalPath,
    settled,
    get stops() {
      return stops;
    },
  };
}

function entryOf(pack: Buffer, asked: AskedPart[]): OpenEntry {
  const copyOne = async (range: ByteRange, path: string): Promise<boolean> => {
    const answered = Promise.withResolvers<boolean>();
    const part: AskedPart = {
      range,
      answer: async () => {
        asked.splice(asked.indexOf(part), 1);
        await using file = await open(path, 'r+');
        await file.write(pack, range.start, range.end - range.start, range.start);
        answered.resolve(true);
        await answered.promise;
      },
      fail: () => {
        if (asked.includes(part)) asked.splice(asked.indexOf(part), 1);
        answered.resolve(false);
      },
    };
    asked.push(part);
    return answered.promise;
  };
  return {
    key: 'entry',
    size: pack.length,
    ignoresRanges: false,
    read: async ({ start, end }) => (end <= pack.length ? pack.subarray(start, end) : undefined),
    copy: async ([range], path) => range !== undefined && copyOne(range, path),
  };
}
