// Checks a chunk store the hard way: every entry of every pack has to hash to its name.
import { hash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { decodeFrames } from '../../src/compression/zstd.ts';
import { readPack } from '../../src/store/store.ts';
import { allEntries } from './store-samples.ts';

/** Names of the entries whose bytes are something else. */
export async function wrongEntries(storeDirectory: string): Promise<string[]> {
  const directory = join(storeDirectory, 'v1/packs');
  const wrong: string[] = [];
  for (const name of existsSync(directory) ? readdirSync(directory) : []) {
    const path = join(directory, name);
    const bytes = readFileSync(path);
    for (const { form, hex, offset, compressedSize, size } of allEntries(await readPack(path, '')) ?? []) {
      const stored = bytes.subarray(offset, offset + compressedSize);
      const content = form === 'blob' ? stored : await decodeFrames(stored, size);
      if (hash('sha256', content, 'hex') !== hex) wrong.push(`${form} ${hex}`);
    }
  }
  return wrong;
}
