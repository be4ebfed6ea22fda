// The table of contents of an eStargz layer lies in a tar archive of its own at the end of the blob.
import { createTarReader } from '../tar/reader.ts';
import { TOC_NAME } from './stargz-names.ts';

/**
 * The JSON in the decoded TOC member, a view of `archive`: the bytes that the annotation's digest is about. undefined where the
 * archive does not begin with it. Never throws for bad content.
 */
export function tocOfMember(archive: Uint8Array): Uint8Array | undefined {
  let entries = 0;
  let size: number | undefined;
  let json: Uint8Array | undefined;
  const reader = createTarReader({
    entry: (entry) => {
      if (entries++ === 0 && entry.path === TOC_NAME && entry.kind === 'file') size = entry.size;
    },
    data: (bytes) => {
      if (entries === 1) json ??= bytes;
    },
    end: () => undefined,
  });
  try {
    reader.push(archive);
    reader.finish();
  } catch {
    return undefined;
  }
  // Pushed in one piece it comes back in one, unless it is a sparse file.
  return json?.length === size ? json : undefined;
}
