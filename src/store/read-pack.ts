// Reads the table of a pack of the store, and tells later whether the file is still the one that was read.
import { type BigIntStats, constants } from 'node:fs';
import { lstat, open } from 'node:fs/promises';
import { decodeTable, type PackTable, packKey } from './pack-format.ts';
import { decodeTrailer, TRAILER_SIZE } from './pack-trailer.ts';

export interface OpenPack extends PackTable {
  readonly key: string;
  readonly path: string;
  readonly size: number;
  /** What tells the file from another one under its name. */
  readonly identity: FileIdentity;
}

interface FileIdentity {
  readonly inode: bigint;
  readonly size: bigint;
  /** Nanoseconds since the epoch; absent where the file system does not know it, and Node shows the time of the last change. */
  readonly birth: bigint | undefined;
}

/** Not the time of change: it says when a pack was last used. An inode number may be that of a file that is gone. */
function identify({ ino, size, birthtimeNs, ctimeNs }: BigIntStats): FileIdentity {
  return { inode: ino, size, birth: birthtimeNs === ctimeNs ? undefined : birthtimeNs };
}

/** Is the file of this name the one that was read? */
export async function isStillThere({
  path,
  identity,
}: Pick<OpenPack, 'path' | 'identity'>): Promise<boolean> {
  const found = await lstat(path, { bigint: true }).catch(() => undefined);
  if (!found) return false;
  const { inode, size, birth } = identify(found);
  const isBorn = birth === undefined || identity.birth === undefined || birth === identity.birth;
  return inode === identity.inode && size === identity.size && isBorn;
}

/** undefined for a file that is no whole pack. Throws the system's error, also for what is no file. */
export async function readPack(path: string, key: string): Promise<OpenPack | undefined> {
  // A store may be shared: a FIFO would block, and a link lead out of it.
  const { O_RDONLY, O_NOFOLLOW = 0, O_NONBLOCK = 0 } = constants;
  await using file = await open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
  const found = await file.stat({ bigint: true });
  if (!found.isFile()) throw new Error(`${path} is no file`);
  const size = Number(found.size);
  if (size < TRAILER_SIZE) return undefined;
  const tail = Buffer.alloc(TRAILER_SIZE);
  await file.read(tail, 0, TRAILER_SIZE, size - TRAILER_SIZE);
  const trailer = decodeTrailer(tail, size);
  if (!trailer) return undefined;
  const table = Buffer.alloc(trailer.tableLength);
  await file.read(table, 0, table.length, trailer.tableOffset);
  const decoded = decodeTable(table, trailer);
  return decoded && { ...decoded, key, path, size, identity: identify(found) };
}

/** Does a pack stand there that holds what its name says? Its chunks are not looked at. Never throws. */
export async function readSound(path: string, key: string): Promise<OpenPack | undefined> {
  const pack = await readPack(path, key).catch(() => undefined);
  return pack && packKey([...pack.all()]) === key ? pack : undefined;
}
