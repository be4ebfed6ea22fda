// Reads the last bytes of a blob, which say where the table of contents is: from the store, or by a request for them alone.
import { open } from 'node:fs/promises';
import { rangeLength } from '../bytes/range.ts';
import { FOOTER_TAIL_BYTES } from '../layer/footer.ts';
import type { Descriptor } from '../oci/descriptor.ts';
import type { BlobTail } from '../plan/fetch-plan.ts';
import { partName } from '../store/part-name.ts';
import type { ChunkStore } from '../store/store.ts';
import type { BlobAt, MetadataBlob } from './blob-at.ts';
import { type BlobEndContext, fetchBlobEnd } from './blob-end.ts';
import { findNamed } from './stored-metadata.ts';

export type FooterBytes =
  | {
      readonly kind: 'footer';
      readonly bytes: Uint8Array;
      readonly at: MetadataBlob;
      readonly tail: BlobTail;
    }
  /** The server has sent all of the blob; see BlobEnd. */
  | { readonly kind: 'whole'; readonly isKept: boolean };

/** Throws what the source throws. */
export async function readFooter(
  descriptor: Descriptor,
  context: BlobEndContext & { readonly store: ChunkStore },
): Promise<FooterBytes> {
  const { digest, size } = descriptor;
  const range = { start: Math.max(0, size - FOOTER_TAIL_BYTES), end: size };
  const compressedSize = rangeLength(range);
  const name = { form: 'part', hex: partName(digest, range) } as const;
  const stored = await findNamed(name, range, context.store);
  const known = stored && (await readBytes(stored).catch(() => undefined));
  if (stored && known) {
    const { path, offset } = stored;
    return {
      kind: 'footer',
      bytes: known,
      at: { path, offset, compressedSize, ...name },
      tail: { start: range.start, path, offset },
    };
  }
  const end = await fetchBlobEnd(descriptor, range, context);
  if (end.kind === 'whole') return end;
  const { path, offset } = end;
  const at = { path, offset, compressedSize, ...name };
  return { kind: 'footer', bytes: await readBytes(at), at, tail: { start: range.start, path, offset } };
}

async function readBytes({ path, offset, compressedSize }: BlobAt): Promise<Uint8Array> {
  await using file = await open(path, 'r');
  const bytes = Buffer.alloc(compressedSize);
  await file.read(bytes, 0, compressedSize, offset);
  return bytes;
}
