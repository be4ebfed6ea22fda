// An image with packs on disk, for the tests of restore and save.
import { createHash, randomBytes } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { ImageIdentity } from '../../src/cache/session.ts';
import type { PackFile } from '../../src/store/pack-file.ts';

export const PREFIX = 'oci-pull-v1';
export const TODAY = '20260304';
export const NOON = new Date('2026-03-04T12:00:00Z');

export function imageIdentity(name = 'v1'): ImageIdentity {
  const manifestDigest = `sha256:${createHash('sha256').update(name).digest('hex')}`;
  return { repository: 'registry.test/app', manifestDigest, platform: 'linux/amd64' };
}

/** Writes a pack file; its key comes from `name`, so that two jobs with the same name race for it. */
export async function makePack(directory: string, name: string, size = 1000): Promise<PackFile> {
  await mkdir(directory, { recursive: true });
  const key = createHash('sha256').update(name).digest('hex').slice(0, 40);
  const path = join(directory, `${key}.pack`);
  await writeFile(path, randomBytes(size));
  return { key, path, size, liveBytes: size };
}
