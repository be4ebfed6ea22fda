// A pack while it is being filled: a file beside the store's packs that nobody else sees, until it is sealed or discarded.
import { type FileHandle, link, open, rename, rm } from 'node:fs/promises';
import { toPullError } from '../errors.ts';
import {
  believableEntries,
  compareEntries,
  encodeTable,
  isStorable,
  type PackEntry,
  packKey,
} from './pack-format.ts';
import { MAX_PACK_ENTRIES } from './pack-trailer.ts';
import { readSound } from './read-pack.ts';

export interface SealedFile {
  readonly key: string;
  readonly path: string;
  /** File size in bytes. */
  readonly size: number;
  /** Did a pack of the same chunks stand there, and stays? They may lie in other places in it. */
  readonly isKept: boolean;
}

/** Owned by one pull. Writes may go to any place in any order; entries say at last what is where. */
export class StagedPack {
  readonly path: string;
  readonly #file: FileHandle;
  #entries: PackEntry[] = [];
  #hasFailed = false;

  private constructor(path: string, file: FileHandle) {
    this.path = path;
    this.#file = file;
  }

  /** `path` must not exist. Throws STORE_FAILED. */
  static async create(path: string): Promise<StagedPack> {
    const file = await open(path, 'wx+', 0o600).catch((cause: unknown) =>
      fail(`${path} cannot be created`, cause),
    );
    return new StagedPack(path, file);
  }

  /** Writes all of `buffers`, one after the other, at `offset`. Throws DISK_FULL or STORE_FAILED. */
  async write(offset: number, buffers: Uint8Array[]): Promise<void> {
    const wanted = buffers.reduce((sum, buffer) => sum + buffer.length, 0);
    try {
      const { bytesWritten } = await this.#file.writev(buffers, offset);
      if (bytesWritten === wanted) return;
      const rest = Buffer.concat(buffers).subarray(bytesWritten);
      for (let done = 0; done < rest.length; ) {
        const step = await this.#file.write(rest, done, rest.length - done, offset + bytesWritten + done);
        done += step.bytesWritten;
      }
    } catch (cause) {
      this.#hasFailed = true;
      fail(`${this.path} cannot be written`, cause);
    }
  }

  /** Could something not be written? */
  get hasFailed(): boolean {
    return this.#hasFailed;
  }

  /** One that the table has no room for is left out: nobody will find it, and nobody misses it. */
  add(entry: PackEntry): void {
    if (this.#entries.length < MAX_PACK_ENTRIES && isStorable(entry)) this.#entries.push(entry);
  }

  /** Takes entries back whose bytes turned out wrong. */
  drop(form: PackEntry['form'], hex: ReadonlySet<string>): void {
    this.#entries = this.#entries.filter((entry) => entry.form !== form || !hex.has(entry.hex));
  }

  get isEmpty(): boolean {
    return this.#entries.length === 0;
  }

  get entries(): readonly PackEntry[] {
    return this.#entries;
  }

  /**
   * Writes table and trailer and moves the file to `<directory>/<key>.pack`. A pack that is there already is as good, and others may have
   * its table in memory: it stays, unless it is none, or `isDamaged`. Throws DISK_FULL or STORE_FAILED.
   */
  async seal(
    directory: string,
    isDamaged: (path: string) => Promise<boolean> = async () => false,
  ): Promise<SealedFile> {
    const sorted = [...this.#entries].sort(compareEntries);
    const end = sorted.reduce((most, entry) => Math.max(most, entry.offset + entry.compressedSize), 0);
    const entries = believableEntries(sorted, end);
    const key = packKey(entries);
    const path = `${directory}/${key}.pack`;
    try {
      const tail = encodeTable(entries, end);
      await this.#file.truncate(end);
      await this.write(end, [tail]);
      // A power cut must not leave a sealed name with unwritten bytes; a reader would notice, but only after using the rest.
      await this.#file.datasync();
      await this.#file.close();
      if (await this.#linkTo(path)) return { key, path, size: end + tail.length, isKept: false };
      const there = (await isDamaged(path)) ? undefined : await readSound(path, key);
      if (there) await rm(this.path, { force: true });
      else await rename(this.path, path);
      return { key, path, size: there?.size ?? end + tail.length, isKept: there !== undefined };
    } catch (cause) {
      return fail(`${path} cannot be written`, cause);
    }
  }

  /** Unlike a rename this replaces nothing. False where something is there, or the file system has no links. */
  async #linkTo(path: string): Promise<boolean> {
    try {
      await link(this.path, path);
    } catch {
      return false;
    }
    await rm(this.path, { force: true }).catch(() => undefined);
    return true;
  }

  /** Never throws. */
  async discard(): Promise<void> {
    await this.#file.close().catch(() => undefined);
    await rm(this.path, { force: true }).catch(() => undefined);
  }
}

function fail(message: string, cause: unknown): never {
  throw toPullError(cause, { code: 'STORE_FAILED', message });
}
