// What tells others that a pull uses the store: a file in it, kept fresh for as long as its process lives. All it says is its name, so
// that it is whole from the moment it is there.
import { randomBytes } from 'node:crypto';
import { readFileSync, readlinkSync } from 'node:fs';
import { lstat, readdir, rm, utimes, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { digestOf } from '../integrity/hash.ts';
import { makeDirectories } from './make-directories.ts';
import { checkOwnDirectories } from './own-directories.ts';
import { leasesDirectory } from './places.ts';

/** How often a lease is made fresh. */
const HEARTBEAT_MS = 60_000;
/** A lease of a process that cannot be seen from here (another container, another machine) ends this long after its last heartbeat. */
const UNSEEN_MS = 60 * 60 * 1000;
/** One of a process that can be seen ends with it; after this long its number has come to be somebody else's. */
const SEEN_MS = 24 * 60 * 60 * 1000;

export interface Lease extends AsyncDisposable {
  /** Files that are staged under this lease begin with it. */
  readonly id: string;
}

export interface FoundLease {
  readonly id: string;
  readonly path: string;
  /** Milliseconds since the epoch: nothing that its pull uses was used before. */
  readonly started: number;
  /** May its pull still be running? */
  readonly isHeld: boolean;
}

/** Disposing of it gives it back. Throws the system's error, or STORE_FAILED as checkOwnDirectories. */
export async function takeLease(storeDirectory: string): Promise<Lease> {
  const id = leaseName({ started: Date.now(), pid: process.pid, space: processSpace() });
  const directory = leasesDirectory(storeDirectory);
  const path = join(directory, id);
  await checkOwnDirectories(storeDirectory);
  await makeDirectories(directory, 0o700);
  await writeFile(path, '', { flag: 'wx', mode: 0o600 });
  const beat = () => void utimes(path, new Date(), new Date()).catch(() => undefined);
  const timer = setInterval(beat, HEARTBEAT_MS).unref();
  return {
    id,
    [Symbol.asyncDispose]: async () => {
      clearInterval(timer);
      await rm(path, { force: true }).catch(() => undefined);
    },
  };
}

/** None where there is no such directory, or none that may be read. */
export async function readLeases(storeDirectory: string): Promise<FoundLease[]> {
  const directory = leasesDirectory(storeDirectory);
  const names = await readdir(directory).catch(() => []);
  const found = await Promise.all(names.map((name) => readLease(name, join(directory, name))));
  return found.filter((lease) => lease !== undefined);
}

interface LeaseHolder {
  /** Milliseconds since the epoch. */
  readonly started: number;
  readonly pid: number;
  readonly space: string;
}

export function leaseName({ started, pid, space }: LeaseHolder): string {
  return `${started}-${pid}-${space}-${randomBytes(4).toString('hex')}`;
}

async function readLease(id: string, path: string): Promise<FoundLease | undefined> {
  const [, started, pid, space] = /^(\d{1,15})-(\d{1,10})-([0-9a-f]{16})-[0-9a-f]{8}$/.exec(id) ?? [];
  const stats = await lstat(path).catch(() => undefined);
  if (!stats?.isFile() || pid === undefined) return undefined;
  const age = Date.now() - stats.mtimeMs;
  const isSeen = space === processSpace();
  const isHeld = isSeen ? age < SEEN_MS && isRunning(Number(pid)) : age < UNSEEN_MS;
  return { id, path, started: Number(started), isHeld };
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== 'ESRCH';
  }
}

let known: string | undefined;

/** 16 hex digits. Processes of one space know each other by number: those of one PID namespace of one running system. */
export function processSpace(): string {
  known ??= digestOf(Buffer.from(describeSpace())).slice('sha256:'.length, 'sha256:'.length + 16);
  return known;
}

function describeSpace(): string {
  try {
    const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
    return `${boot} ${readlinkSync('/proc/self/ns/pid')}`;
  } catch {
    return hostname();
  }
}
