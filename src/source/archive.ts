// An archive of images as a tree of files: read in place, or unpacked once where all of it is compressed.
import { writeSync } from 'node:fs';
import { mkdtemp, open, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { decompress, sniffCompression } from '../compression/decompress.ts';
import { PullError, toPullError } from '../errors.ts';
import { type FileTree, fileAt, realPath } from './file-tree.ts';
import { type FileAt, readPiece, streamFile } from './local-file.ts';
import { indexTar } from './tar-index.ts';

export interface LocalContext {
  /** For an archive that is compressed as a whole; the system's own unless told. */
  readonly temporaryDirectory?: string | undefined;
  readonly signal: AbortSignal;
}

/** Bytes of an archive that is compressed as a whole, uncompressed: as many as an image may have. */
const MAX_ARCHIVE_BYTES = 256 * 2 ** 30;

/** Compressions that others write, by their first bytes. */
const FOREIGN: readonly (readonly [name: string, magic: string])[] = [
  ['xz', '\xfd7zXZ\0'], // https://tukaani.org/xz/xz-file-format.txt, 2.1.1.1
  ['bzip2', 'BZh'],
  ['lz4', '\x04\x22\x4d\x18'],
];

/**
 * `path`: absolute. Closing the tree removes the temporary file of a compressed archive. Throws LAYOUT_INVALID, LIMIT_EXCEEDED,
 * DISK_FULL, ABORTED.
 */
export async function openArchive(path: string, context: LocalContext): Promise<FileTree> {
  const file = fileAt(realPath(path));
  const head = await readPiece(file, { start: 0, end: Math.min(file.size, 8) });
  const foreign = FOREIGN.find(([, magic]) => head.toString('latin1').startsWith(magic));
  if (foreign)
    throw new PullError('LAYOUT_INVALID', `${path} is compressed with ${foreign[0]}`, {
      hint: 'Decompress it first, or compress it with gzip or zstd.',
    });
  if (sniffCompression(head) !== 'none') return openCompressed(path, file, context);
  return treeOf(path, file, context);
}

async function treeOf(
  path: string,
  archive: FileAt,
  { signal }: LocalContext,
  close: () => Promise<void> = async () => undefined,
): Promise<FileTree> {
  const index = await indexTar({ path: archive.path, size: archive.size }, signal);
  return {
    path,
    find: (name) => {
      const member = index.find(name);
      return member && { path: archive.path, offset: member.offset, size: member.size };
    },
    close,
  };
}

async function openCompressed(path: string, file: FileAt, context: LocalContext): Promise<FileTree> {
  const directory = await mkdtemp(join(context.temporaryDirectory ?? tmpdir(), 'oci-pull-archive-')).catch(
    (cause: unknown) => {
      throw toPullError(cause, { code: 'LAYOUT_INVALID', message: `${path} cannot be decompressed` });
    },
  );
  const close = () => rm(directory, { recursive: true, force: true }).catch(() => undefined);
  try {
    const unpacked = join(realPath(directory), 'archive.tar');
    await unpack(path, file, { unpacked, signal: context.signal });
    return await treeOf(path, fileAt(unpacked), context, close);
  } catch (error) {
    await close();
    throw error;
  }
}

async function unpack(
  path: string,
  file: FileAt,
  { unpacked, signal }: { unpacked: string; signal: AbortSignal },
): Promise<void> {
  await using handle = await open(unpacked, 'wx', 0o600);
  let size = 0;
  const sink = (bytes: Uint8Array) => {
    size += bytes.length;
    if (size > MAX_ARCHIVE_BYTES)
      throw new PullError('LIMIT_EXCEEDED', `${path} decompresses to more than ${MAX_ARCHIVE_BYTES} bytes`, {
        hint: 'Decompress it first if you trust it.',
      });
    for (let done = 0; done < bytes.length; ) done += writeSync(handle.fd, bytes, done);
  };
  try {
    await decompress(streamFile(file, { start: 0, end: file.size }, signal), sink);
  } catch (cause) {
    if (cause instanceof PullError && cause.code !== 'TAR_INVALID') throw cause;
    throw toPullError(cause instanceof PullError ? cause.cause : cause, {
      code: 'LAYOUT_INVALID',
      message: `${path} cannot be decompressed`,
    });
  }
}
