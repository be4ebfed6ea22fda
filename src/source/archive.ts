// An archive of images as a tree of files: read in place, or unpacked once where all of it is compressed.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { sniffCompression } from '../compression/decompress.ts';
import { PullError, toPullError } from '../errors.ts';
import { type FileTree, fileAt, realPath } from './file-tree.ts';
import { announce, type LocalContext, workOf } from './local-context.ts';
import { type FileAt, readPiece } from './local-file.ts';
import { indexTar } from './tar-index.ts';

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
    const target = join(realPath(directory), 'archive.tar');
    announce(context, `unpacking ${path}, which is compressed as a whole`, file.size);
    await workOf(context).unpackArchive({ name: path, file, target }, context.signal);
    return await treeOf(path, fileAt(target), context, close);
  } catch (error) {
    await close();
    throw error;
  }
}
