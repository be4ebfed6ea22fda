// The record beside a root file system: it says which directory is ours to replace, and whether it is complete.
import { randomBytes } from 'node:crypto';
import type { BigIntStats } from 'node:fs';
import { lstat, readFile, rename, writeFile } from 'node:fs/promises';

const RECORD_VERSION = 1;
/** A record is some 300 bytes. */
const MAX_RECORD_BYTES = 64 << 10;

export interface DestinationRecord {
  readonly image: string;
  readonly platform: string;
}

/** Where the record of a pull lies: beside the root file system, never in it. */
export function recordPath(destination: string): string {
  return `${destination}.oci-pull.json`;
}

/** What tells a directory from another one that has taken its name: inode number and time of birth. undefined where there is none. */
export async function inodeOf(path: string): Promise<string | undefined> {
  const found = await lstat(path, { bigint: true }).catch(() => undefined);
  return found && `${found.ino} ${found.birthtimeNs}`;
}

/** Was the directory at `destination` made by a pull? A directory that merely has the name of one is not. */
export async function isOurs(destination: string): Promise<boolean> {
  const inodes = (await readInodes(destination)) ?? [];
  const found = await lstat(destination, { bigint: true }).catch(() => undefined);
  return found !== undefined && inodes.some((inode) => isSame(found, inode));
}

/**
 * An inode number alone is not enough: ext4 gives that of a removed directory to the next one. Where the file system knows no time of
 * birth, Node shows the time of the last change instead, and the number has to do.
 */
function isSame({ ino, birthtimeNs, ctimeNs }: BigIntStats, recorded: unknown): boolean {
  const [number, birth] = String(recorded).split(' ');
  return number === `${ino}` && (birth === `${birthtimeNs}` || birthtimeNs === ctimeNs);
}

/** Has there ever been a pull to this destination, whatever became of the directory? */
export async function hasRecord(destination: string): Promise<boolean> {
  return (await readInodes(destination)) !== undefined;
}

/** undefined where there is no record of ours. */
async function readInodes(destination: string): Promise<readonly unknown[] | undefined> {
  const record = recordPath(destination);
  const found = await lstat(record).catch(() => undefined);
  if (!found?.isFile() || found.size > MAX_RECORD_BYTES) return undefined;
  try {
    const value = JSON.parse(await readFile(record, 'utf8')) as {
      tool?: unknown;
      version?: unknown;
      inodes?: unknown;
    } | null;
    const isRecord = value?.tool === 'oci-pull' && value.version === RECORD_VERSION;
    return isRecord && Array.isArray(value.inodes) ? value.inodes : undefined;
  } catch {
    return undefined;
  }
}

/** Appears whole. `inodes`: of the directories that may stand at the destination and are ours. */
export async function writeRecord(
  destination: string,
  record: DestinationRecord & {
    readonly complete: boolean;
    readonly inodes: readonly (string | undefined)[];
  },
): Promise<void> {
  const file = recordPath(destination);
  const inodes = record.inodes.filter((inode) => inode !== undefined);
  const text = JSON.stringify({ tool: 'oci-pull', version: RECORD_VERSION, ...record, inodes }, undefined, 2);
  const temporary = `${file}.${randomBytes(6).toString('hex')}`;
  // Exclusive: a link that somebody has put there is not followed.
  await writeFile(temporary, `${text}\n`, { flag: 'wx' });
  await rename(temporary, file);
}
