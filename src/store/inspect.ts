// What a store holds, for people.
import { listPackFiles, type PackOnDisk } from './evict.ts';
import { readLeases } from './lease.ts';
import { readPack } from './read-pack.ts';

export interface ListedPack extends PackOnDisk {
  /** Of its table; undefined where it has none that can be used. */
  readonly chunks: number | undefined;
}

export interface StoreListing {
  /** Longest unused first. */
  readonly packs: readonly ListedPack[];
  /** Of all packs. */
  readonly bytes: number;
  readonly runningPulls: number;
}

/** Changes nothing. A store that is not there holds nothing. Throws STORE_FAILED. */
export async function listStore(storeDirectory: string): Promise<StoreListing> {
  const packs: ListedPack[] = [];
  for (const file of await listPackFiles(storeDirectory)) {
    const pack = await readPack(file.path, file.key).catch(() => undefined);
    packs.push({ ...file, chunks: pack?.count });
  }
  packs.sort((a, b) => a.usedAt - b.usedAt);
  const held = (await readLeases(storeDirectory)).filter(({ isHeld }) => isHeld);
  return { packs, bytes: packs.reduce((sum, { size }) => sum + size, 0), runningPulls: held.length };
}
