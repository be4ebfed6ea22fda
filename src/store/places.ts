// What lies where in a store. The version of the format is part of every path, so that another version never meets these files.
import { join } from 'node:path';
import { PACK_VERSION } from './pack-trailer.ts';

/** Finished packs. */
export function packsDirectory(storeDirectory: string): string {
  return join(storeDirectory, `v${PACK_VERSION}`, 'packs');
}

/** Packs that are being filled. */
export function stagingDirectory(storeDirectory: string): string {
  return join(storeDirectory, `v${PACK_VERSION}`, 'staging');
}

/** One file for each pull that is running. */
export function leasesDirectory(storeDirectory: string): string {
  return join(storeDirectory, `v${PACK_VERSION}`, 'leases');
}

/** The key in the name of a pack; undefined for what is not called like one. */
export function keyOfPackName(name: string): string | undefined {
  return /^([0-9a-f]{40})\.pack$/.exec(name)?.[1];
}
