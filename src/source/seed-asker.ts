// Asks seeds one after the other.
import { isAbort, PullError } from '../errors.ts';
import type { Descriptor } from '../oci/descriptor.ts';
import { type Digest, isDigest } from '../oci/digest.ts';
import type { LocalNote, Note } from './local-context.ts';
import type { FileAt } from './local-file.ts';
import {
  findBlob,
  findReference,
  findTar,
  type LocalImages,
  readManifest,
  readVerified,
} from './local-images.ts';
import type { BlobPlace, RawManifest, Remark } from './source.ts';

/** A seed that was wrong so often is not asked for blobs any more: each time costs another attempt at the whole image. */
const MAX_WRONG = 2;

/** Remembers who gave which blob, which turned out wrong, and what it has said. */
export class SeedAsker {
  readonly #seeds: readonly LocalImages[];
  readonly #note: LocalNote;
  readonly #wrong = new Map<LocalImages, Set<Digest>>();
  /** Whose file was named last. */
  readonly #givers = new Map<Digest, LocalImages>();
  readonly #said = new Set<string>();
  /** Who has given anything. */
  readonly #useful = new Set<LocalImages>();

  constructor(seeds: readonly LocalImages[], note: LocalNote) {
    this.#seeds = seeds;
    this.#note = note;
  }

  async manifest(
    repository: string,
    target: string,
    expected: Descriptor | undefined,
  ): Promise<RawManifest | undefined> {
    const known = expected ?? (isDigest(target) ? { digest: target, mediaType: '' } : undefined);
    if (known)
      return this.#first(known.digest, async (seed) =>
        seed.find(known.digest) ? readManifest(seed, known) : undefined,
      );
    const reference = `${repository}:${target}`;
    for (const seed of this.#seeds) {
      const found = await this.#try(seed, () => findReference(seed, reference, 'held'));
      if (!found) continue;
      const message = `the tag ${reference} is resolved from the seed ${seed.path} and its registry is not asked: there it may mean another manifest than ${found.digest}`;
      this.#say({ kind: 'warning', message, isVital: true });
      return found;
    }
    return undefined;
  }

  /** For a tag that nobody else can answer: what a seed makes up in place of the registry's manifest. */
  async madeUpManifest(repository: string, target: string): Promise<RawManifest | undefined> {
    const reference = `${repository}:${target}`;
    for (const seed of this.#seeds) {
      const found = await this.#try(seed, () => findReference(seed, reference, 'made-up'));
      if (!found) continue;
      const message = `the registry of ${reference} cannot be reached, so the image is taken from ${seed.path}, which does not hold its manifest: ${found.digest} is not the digest that the registry knows`;
      this.#say({ kind: 'warning', message, isVital: true });
      return found;
    }
    return undefined;
  }

  smallBlob(descriptor: Descriptor, maxBytes: number): Promise<Uint8Array | undefined> {
    return this.#first(descriptor.digest, async (seed) =>
      seed.find(descriptor.digest) ? readVerified(seed, descriptor, maxBytes) : undefined,
    );
  }

  /** `diffId`: of the layer, where its uncompressed tar stream will do as well. */
  locate(descriptor: Descriptor, diffId?: Digest): BlobPlace | undefined {
    const { digest } = descriptor;
    const blob = this.#locate(digest, (seed) => findBlob(seed, descriptor));
    if (blob || diffId === undefined || diffId === digest) return blob;
    return this.#locate(diffId, (seed) => findTar(seed, diffId));
  }

  #locate(digest: Digest, find: (seed: LocalImages) => FileAt | undefined): BlobPlace | undefined {
    this.#givers.delete(digest);
    for (const seed of this.#seeds) {
      if (this.#isWrong(seed, digest)) continue;
      const file = this.#check(seed, () => find(seed));
      if (!file) continue;
      this.#givers.set(digest, seed);
      this.#useful.add(seed);
      return { ...file, digest };
    }
    return undefined;
  }

  /** Returns whether a seed gave it: then that one is not asked for it again. */
  distrust(digest: Digest): boolean {
    const seed = this.#givers.get(digest);
    if (!seed) return false;
    this.#givers.delete(digest);
    this.#wrong.set(seed, (this.#wrong.get(seed) ?? new Set()).add(digest));
    return true;
  }

  /** Of seeds that gave nothing. */
  remarks(): readonly Remark[] {
    return this.#seeds
      .filter((seed) => !this.#useful.has(seed))
      .map((seed) => ({
        kind: 'info',
        message: `the seed ${seed.path} spared nothing: ${whyUseless(seed)}`,
      }));
  }

  #isWrong(seed: LocalImages, digest: Digest): boolean {
    const wrong = this.#wrong.get(seed);
    return wrong !== undefined && (wrong.has(digest) || wrong.size >= MAX_WRONG);
  }

  async #first<T>(
    digest: Digest,
    read: (seed: LocalImages) => Promise<T | undefined>,
  ): Promise<T | undefined> {
    for (const seed of this.#seeds) {
      if (this.#isWrong(seed, digest)) continue;
      const found = await this.#try(seed, () => read(seed));
      if (found !== undefined) return found;
    }
    return undefined;
  }

  async #try<T>(seed: LocalImages, read: () => Promise<T | undefined>): Promise<T | undefined> {
    try {
      const found = await read();
      if (found !== undefined) this.#useful.add(seed);
      return found;
    } catch (error) {
      this.#passOver(seed, error);
      return undefined;
    }
  }

  #check<T>(seed: LocalImages, look: () => T | undefined): T | undefined {
    try {
      return look();
    } catch (error) {
      this.#passOver(seed, error);
      return undefined;
    }
  }

  /** A seed is only an optimisation: whatever is wrong with it, the registry has it right. */
  #passOver(seed: LocalImages, error: unknown): void {
    if (!(error instanceof PullError) || isAbort(error)) throw error;
    const message = `the seed ${seed.path} is passed over for this: ${error.message}`;
    this.#say({ kind: 'warning', message });
  }

  #say(note: Note): void {
    if (this.#said.has(note.message)) return;
    this.#said.add(note.message);
    this.#note(note);
  }
}

function whyUseless({ entries, nameless = 0 }: LocalImages): string {
  if (entries.length === 0) return 'it is empty';
  if (nameless === 0) return 'it has no layer of this image';
  return `it has no layer of this image as far as can be told; ${nameless} of its layers are compressed and not named by their digests (a layout, or an archive by skopeo copy, tells them)`;
}
