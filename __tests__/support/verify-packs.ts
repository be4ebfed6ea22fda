// Checks a chunk store the hard way: every entry of every pack has to hash to its name.
import { hash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { decodeFrames } from '../../src/compression/zstd.ts';
import type { PackEntry } from '../../src/store/pack-format.ts';
import { readPack } from '../../src/store/read-pack.ts';
import { allEntries } from './store-samples.ts';
import { decode } from './stored-chunks.ts';

async function contentOf({ form, size, innerOffset }: PackEntry, stored: Buffer): Promise<Uint8Array> {
  if (form === 'blob') return stored;
  if (innerOffset === undefined) return decodeFrames(stored, size);
  return (await decode(stored)).subarray(innerOffset, innerOffset + size);
}

/** Names of the entries whose bytes are something else. Parts are not named by what they are. */
export async function wrongEntries(storeDirectory: string): Promise<string[]> {
  const directory = join(storeDirectory, 'v1/packs');
  const wrong: string[] = [];
  for (const name of existsSync(directory) ? readdirSync(directory) : []) {
    if (!name.endsWith('.pack')) continue;
    const path = join(directory, name);
    const bytes = readFileSync(path);
    for (const entry of allEntries(await readPack(path, '')) ?? []) {
      const { form, hex, offset, compressedSize } = entry;
      if (form === 'part') continue;
      const content = await contentOf(entry, bytes.subarray(offset, offset + compressedSize));
      if (hash('sha256', content, 'hex') !== hex) wrong.push(`${form} ${hex}`);
    }
  }
  return wrong;
}
