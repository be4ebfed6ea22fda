import { createHash } from 'node:crypto';

/** Of an entry, in place of what @actions/cache hashes. Part of the format of entries: docs/formats.md. */
export function entryVersion(name: string): string {
  return createHash('sha256').update(`oci-pull raw\n${name}\n`).digest('hex');
}
