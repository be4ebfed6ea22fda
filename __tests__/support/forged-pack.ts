// Packs whose tables say what a test wants them to say, true or not.
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { compareEntries, encodeTable, type PackEntry } from '../../src/store/pack-format.ts';

/** Stored bytes, and what the table says of them. `offset` and `compressedSize` are those of the piece unless given. */
export interface ForgedPiece {
  readonly stored: Uint8Array;
  readonly entries: readonly (Pick<PackEntry, 'form' | 'hex' | 'size'> & Partial<PackEntry>)[];
}

export function forgePack(...pieces: readonly ForgedPiece[]): Buffer {
  let end = 0;
  const entries = pieces.flatMap(({ stored, entries }) => {
    const at = { offset: end, compressedSize: stored.length };
    end += stored.length;
    return entries.map(
      ({ offset = 0, ...entry }): PackEntry => ({ ...at, ...entry, offset: at.offset + offset }),
    );
  });
  const table = encodeTable(entries.sort(compareEntries), end);
  return Buffer.concat([...pieces.map(({ stored }) => stored), table]);
}

/** Puts a pack into a store, before all others. */
export function plant(storeDirectory: string, pack: Uint8Array): void {
  const directory = join(storeDirectory, 'v1/packs');
  mkdirSync(directory, { recursive: true });
  writeFileSync(join(directory, `${'0'.repeat(40)}.pack`), pack);
}
