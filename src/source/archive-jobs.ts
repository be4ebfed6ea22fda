// What takes long about an archive: decompressing all of it, hashing layers. Jobs of a worker thread.
import { writeSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { dirname } from 'node:path';
import { decompress } from '../compression/decompress.ts';
import { PullError, toPullError } from '../errors.ts';
import { throwIfAborted } from '../http/abort.ts';
import { createHasher } from '../integrity/hash.ts';
import type { Digest } from '../oci/digest.ts';
import { type FileAt, streamFile } from './local-file.ts';

export interface UnpackArchiveJob {
  /** For messages: as it was named. */
  readonly name: string;
  readonly file: FileAt;
  /** The file to make; its directory exists. */
  readonly target: string;
}

export interface HashFilesJob {
  readonly files: readonly FileAt[];
}

/** Once the signal fires they throw ABORTED. */
export interface ArchiveWork {
  unpackArchive(job: UnpackArchiveJob, signal: AbortSignal): Promise<undefined>;
  hashFiles(job: HashFilesJob, signal: AbortSignal): Promise<readonly Digest[]>;
}

/** Bytes of an archive that is compressed as a whole, uncompressed: as many as an image may have. */
const MAX_ARCHIVE_BYTES = 256 * 2 ** 30;

/** Throws LAYOUT_INVALID, LIMIT_EXCEEDED, DISK_FULL, ABORTED; the file may be there in part then. */
export async function unpackArchive(
  { name, file, target }: UnpackArchiveJob,
  signal?: AbortSignal,
): Promise<undefined> {
  try {
    await using handle = await open(target, 'wx', 0o600);
    let size = 0;
    const sink = (bytes: Uint8Array) => {
      // A single piece of what is read may decompress to gigabytes.
      if (signal) throwIfAborted(signal);
      size += bytes.length;
      if (size > MAX_ARCHIVE_BYTES)
        throw new PullError(
          'LIMIT_EXCEEDED',
          `${name} decompresses to more than ${MAX_ARCHIVE_BYTES} bytes`,
          {
            hint: 'Decompress it first if you trust it.',
          },
        );
      for (let done = 0; done < bytes.length; ) done += writeSync(handle.fd, bytes, done);
    };
    await decompress(streamFile(file, { start: 0, end: file.size }, signal), sink);
  } catch (cause) {
    if (cause instanceof PullError && cause.code !== 'TAR_INVALID') throw cause;
    throw fault(cause instanceof PullError ? cause.cause : cause, name, target);
  }
}

/** A write does not say where it was meant to go. */
function fault(cause: unknown, name: string, target: string): PullError {
  const known = toPullError(cause, { code: 'LAYOUT_INVALID', message: `${name} cannot be decompressed` });
  if (known.code !== 'DISK_FULL') return known;
  return new PullError('DISK_FULL', `no space left in ${dirname(target)} to decompress ${name}`, {
    hint: 'Free some space there, or decompress the archive first, where there is more.',
    cause,
  });
}

/** One after the other, sha256. Throws LAYOUT_INVALID, ABORTED. */
export async function hashFiles({ files }: HashFilesJob, signal?: AbortSignal): Promise<readonly Digest[]> {
  const digests: Digest[] = [];
  for (const file of files) {
    const hasher = createHasher();
    for await (const bytes of streamFile(file, { start: 0, end: file.size }, signal)) hasher.update(bytes);
    digests.push(hasher.digest());
  }
  return digests;
}
