// Tables of contents and tar-splits in the store: found there, and kept there for later pulls.
import { open } from 'node:fs/promises';
import { type ByteRange, rangeLength } from '../bytes/range.ts';
import { PullError, toPullError } from '../errors.ts';
import type { Descriptor } from '../oci/descriptor.ts';
import { type Digest, digestHex } from '../oci/digest.ts';
import { digestKeyOfHex } from '../oci/digest-key.ts';
import type { Staging } from '../store/staging.ts';
import type { ChunkStore, StoredChunk } from '../store/store.ts';
import type { BlobAt, MetadataBlob } from './blob-at.ts';
import type { MetadataContext } from './layer-metadata.ts';

const COPY_BYTES = 1 << 20;

export function isStored({ digest, size }: Descriptor, store: ChunkStore): boolean {
  return (
    isNamed({ digest }) && store.find('blob', digestKeyOfHex(digestHex(digest as Digest)), size) !== undefined
  );
}

/** Only sha256 names blobs in the store. */
export function isNamed({ digest }: Pick<Descriptor, 'digest'>): boolean {
  return digest.startsWith('sha256:');
}

/** Of this length, or whatever is called so; once all of it is there. */
export async function findNamed(
  name: Pick<MetadataBlob, 'form' | 'hex'>,
  range: ByteRange | undefined,
  store: ChunkStore,
): Promise<(StoredChunk & MetadataBlob) | undefined> {
  const found = store.find(name.form, digestKeyOfHex(name.hex), range && rangeLength(range));
  return found && (await store.isThere(found)) ? { ...found, ...name } : undefined;
}

/** Copies what later pulls may need into a pack, and makes it findable. */
export async function keep(
  blobs: readonly MetadataBlob[],
  { staging, store }: MetadataContext,
): Promise<void> {
  for (const { form, hex, ...at } of blobs) {
    const { compressedSize } = at;
    if (store.find(form, digestKeyOfHex(hex), compressedSize)) continue;
    const offset = staging.reserve(compressedSize);
    await copy(at, offset, staging);
    await staging.adopt(0, [{ form, hex, offset, compressedSize, size: compressedSize }]);
  }
}

async function copy(
  { path, offset: from, compressedSize }: BlobAt,
  to: number,
  staging: Staging,
): Promise<void> {
  const pack = await staging.pack(0);
  let done = 0;
  for await (const bytes of readStaged({ path, offset: from, compressedSize })) {
    await pack.write(to + done, [bytes]);
    done += bytes.length;
  }
}

/** What was written and is read again. Each piece is overwritten by the next. Throws STORE_FAILED. */
async function* readStaged({ path, offset, compressedSize }: BlobAt): AsyncGenerator<Uint8Array> {
  const bytes = Buffer.alloc(Math.min(COPY_BYTES, compressedSize));
  try {
    await using file = await open(path, 'r');
    for (let done = 0; done < compressedSize; ) {
      const length = Math.min(bytes.length, compressedSize - done);
      const { bytesRead } = await file.read(bytes, 0, length, offset + done);
      if (bytesRead === 0)
        throw new PullError('STORE_FAILED', `${path} is shorter than what was written to it`);
      yield bytes.subarray(0, bytesRead);
      done += bytesRead;
    }
  } catch (cause) {
    throw toPullError(cause, { code: 'STORE_FAILED', message: `${path} cannot be read` });
  }
}
