// Where things lie: what is at hand in stored files, and where in which new pack the rest goes. Knows no requests, so that packs
// do not depend on how many there are.
import { digestKeyOfHex } from '../oci/digest-key.ts';
import { ChunkMap } from './chunk-map.ts';
import type { ChunkForm, Locate, Located, PlannedFile, PlanOptions } from './fetch-plan.ts';

export interface Placed extends Omit<Located, 'path'> {
  /** Index into FetchPlan.files. */
  readonly file: number;
  /** The new pack, or -1. */
  readonly pack: number;
  /** The group that brings it, AT_HAND, or UNDECIDED; and how many of the group's kept bytes have to be there. */
  group: number;
  ready: number;
}

export const AT_HAND = -1;
export const UNDECIDED = -2;

/** A chunk or blob by name. `key`: its name in the store, if it may be there at all. */
export interface Wanted {
  readonly name: string;
  readonly key: string | undefined;
  readonly size: number;
}

export type Stored = Pick<Placed, 'compressedSize' | 'size' | 'innerOffset'>;

/** Has a life only inside of planFetch. */
export class Placement {
  readonly files: PlannedFile[] = [];
  readonly #locate: Locate;
  readonly #packTarget: number;
  readonly #stored = new Map<string, number>();
  /** What this plan fetches: frames by digest key, blobs by digest. */
  readonly #placed = new ChunkMap<Placed>();
  #pack: number;
  #offset: number;
  /** The file of the current pack, once something is in it. */
  #file: number | undefined;

  constructor(locate: Locate, { pack, packOffset, packTarget }: PlanOptions) {
    this.#locate = locate;
    this.#packTarget = packTarget;
    this.#pack = pack;
    this.#offset = packOffset;
  }

  /** Gives it the next place, and closes the pack if that makes it full. */
  place(name: string, stored: Stored): Placed {
    this.#file ??= this.files.push({ kind: 'new', pack: this.#pack }) - 1;
    const { compressedSize } = stored;
    const at = { file: this.#file, pack: this.#pack, offset: this.#offset };
    const placed = { ...at, ...stored, group: UNDECIDED, ready: 0 };
    this.#placed.set(name, placed);
    this.#offset += compressedSize;
    if (this.#offset >= this.#packTarget) {
      this.#pack++;
      this.#offset = 0;
      this.#file = undefined;
    }
    return placed;
  }

  /** It comes with the bytes of another one. */
  placeWithin(name: string, host: Placed, stored: Stored): Placed {
    const { file, pack, offset } = host;
    const placed = { file, pack, offset, ...stored, group: UNDECIDED, ready: 0 };
    this.#placed.set(name, placed);
    return placed;
  }

  findBlob(digest: string, size: number): Placed | undefined {
    const isStorable = digest.startsWith('sha256:');
    const key = isStorable ? digestKeyOfHex(digest.slice('sha256:'.length)) : undefined;
    return this.find('blob', { name: digest, key, size });
  }

  /** What this plan has placed, or the store holds. */
  find(form: ChunkForm, { name, key, size }: Wanted): Placed | undefined {
    const known = this.#placed.get(name, size);
    if (known || key === undefined) return known;
    const stored = this.#locate(form, key, size);
    if (!stored || stored.size !== size) return undefined;
    const { path, offset, compressedSize } = stored;
    return {
      file: this.fileAt('stored', path),
      pack: -1,
      offset,
      compressedSize,
      size,
      ...(stored.innerOffset === undefined ? {} : { innerOffset: stored.innerOffset }),
      group: AT_HAND,
      ready: 0,
    };
  }

  /** Index into `files`. */
  fileAt(kind: 'stored' | 'local', path: string): number {
    const known = this.#stored.get(path);
    if (known !== undefined) return known;
    const file = this.files.push({ kind, path }) - 1;
    this.#stored.set(path, file);
    return file;
  }
}
