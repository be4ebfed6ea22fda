// Chunks for the store, and packs of them.

import { hash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { digestKeyOfHex } from '../../src/oci/digest-key.ts';
import { compareEntries, encodeTable, type PackEntry, type PackTable } from '../../src/store/pack-format.ts';
import { Staging } from '../../src/store/staging.ts';
import type { ChunkStore, StoredChunk } from '../../src/store/store.ts';

export interface SampleBlob {
  readonly bytes: Buffer;
  readonly hex: string;
  readonly key: string;
}

export function sampleBlob(text: string): SampleBlob {
  const bytes = Buffer.from(text);
  const hex = hash('sha256', bytes, 'hex');
  return { bytes, hex, key: digestKeyOfHex(hex) };
}

/** Entries for these blobs, one after the other from `offset` on. */
export function entriesFor(blobs: readonly SampleBlob[], offset = 0): PackEntry[] {
  let at = offset;
  return blobs.map(({ bytes, hex }) => {
    const entry: PackEntry = {
      form: 'blob',
      hex,
      offset: at,
      compressedSize: bytes.length,
      size: bytes.length,
    };
    at += bytes.length;
    return entry;
  });
}

/** In the order of the table. */
export function allEntries(table: PackTable | undefined): PackEntry[] | undefined {
  return table && [...table.blobs, ...table.others()].sort(compareEntries);
}

/** The bytes of a whole pack. */
export function packBytes(blobs: readonly SampleBlob[]): Buffer {
  const data = Buffer.concat(blobs.map(({ bytes }) => bytes));
  return Buffer.concat([data, encodeTable(entriesFor(blobs), data.length)]);
}

/** Puts blobs into one pack of the staging area, findable but not sealed. */
export async function stageBlobs(
  staging: Staging,
  number: number,
  blobs: readonly SampleBlob[],
): Promise<void> {
  const pack = await staging.pack(number);
  await pack.write(
    0,
    blobs.map(({ bytes }) => bytes),
  );
  await staging.adopt(number, entriesFor(blobs));
}

/** Seals one pack of these blobs into the store's directory; open stores do not see it. */
export async function addPack(
  store: ChunkStore,
  texts: readonly string[],
): Promise<{ key: string; path: string }> {
  const staging = new Staging(store);
  await stageBlobs(staging, 0, texts.map(sampleBlob));
  const [pack] = await staging.seal();
  if (!pack) throw new Error('nothing was sealed');
  return pack;
}

export function readStored(found: StoredChunk | undefined): string | undefined {
  return (
    found && readFileSync(found.path).toString('utf8', found.offset, found.offset + found.compressedSize)
  );
}
