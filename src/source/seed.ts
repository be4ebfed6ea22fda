// Layouts and archives that are asked before the registry: what they hold is not fetched.
import { isAbort, PullError } from '../errors.ts';
import type { Descriptor } from '../oci/descriptor.ts';
import { type Digest, isDigest } from '../oci/digest.ts';
import { formatLocalImage, type LocalImage } from '../oci/image-name.ts';
import { type FileAt, streamFile } from './local-file.ts';
import {
  findBlob,
  findReference,
  isNamed,
  type LocalEntry,
  type LocalImages,
  missingImage,
  readManifest,
  readVerified,
} from './local-images.ts';
import { type LocalContext, openLocalImages } from './local-source.ts';
import type { ImageSource, RawManifest } from './source.ts';

export interface Seeds {
  readonly all: readonly LocalImages[];
  close(): Promise<void>;
}

/** What a seed could not give although it seemed to have it, and what it gave in place of a registry. */
export type SeedNote = (note: { readonly kind: 'info' | 'warning'; readonly message: string }) => void;

/** `images`: with absolute paths, in the order in which they are asked. Throws as openLocalSource where one cannot be used at all. */
export async function openSeeds(images: readonly LocalImage[], context: LocalContext): Promise<Seeds> {
  const all: LocalImages[] = [];
  const close = async () => {
    await Promise.all(all.map((seed) => seed.close()));
  };
  try {
    for (const image of images) all.push(await openSeed(image, context));
    return { all, close };
  } catch (error) {
    await close();
    throw error;
  }
}

/** One that is named gives no tag but its own. Its blobs are what they are, whoever asks. */
async function openSeed(image: LocalImage, context: LocalContext): Promise<LocalImages> {
  const images = await openLocalImages(image, context);
  const { name, digest } = image;
  if (name === undefined && digest === undefined) return images;
  const isMeant =
    digest === undefined ? isNamed(name ?? '', images.entries) : (entry: LocalEntry) => entry.id === digest;
  const entries = images.entries.filter(isMeant);
  if (entries.length > 0) return { ...images, entries };
  await images.close();
  throw missingImage(images, formatLocalImage(image));
}

/**
 * Manifests, configs and blobs of `seeds` where they have them, by digest and size, and of `primary` where not. A tag is taken from
 * a seed that names the whole reference, `registry/repository:tag`, and the registry is not asked then. What is wrong with a seed is
 * noted, and the registry asked. Closing it closes both.
 */
export function withSeeds(primary: ImageSource, seeds: Seeds, note: SeedNote = () => undefined): ImageSource {
  if (seeds.all.length === 0) return primary;
  const ask = new SeedAsker(seeds.all, note);
  return {
    name: primary.name,
    get requests() {
      return primary.requests;
    },
    get hosts() {
      return primary.hosts ?? [];
    },
    get quota() {
      return primary.quota;
    },
    link: () => primary.link?.(),
    tags: async () => (await primary.tags?.()) ?? [],
    manifest: async (target, expected) =>
      (await ask.manifest(primary.name, target, expected)) ?? primary.manifest(target, expected),
    smallBlob: async (descriptor, maxBytes) =>
      (await ask.smallBlob(descriptor, maxBytes)) ?? primary.smallBlob(descriptor, maxBytes),
    openBlob: async (descriptor, range, signal) => {
      const file = ask.locate(descriptor);
      return file
        ? { range, chunks: streamFile(file, range, signal) }
        : primary.openBlob(descriptor, range, signal);
    },
    locate: (descriptor) => ask.locate(descriptor) ?? primary.locate?.(descriptor),
    distrust: (digest) => ask.distrust(digest) || (primary.distrust?.(digest) ?? false),
    close: async () => {
      await Promise.all([primary.close(), seeds.close()]);
    },
  };
}

/** A seed that was wrong so often is not asked for blobs any more: each time costs another attempt at the whole image. */
const MAX_WRONG = 2;

/** Remembers which blobs turned out wrong, and what it has said. */
class SeedAsker {
  readonly #seeds: readonly LocalImages[];
  readonly #note: SeedNote;
  readonly #wrong = new Map<LocalImages, Set<Digest>>();
  readonly #said = new Set<string>();

  constructor(seeds: readonly LocalImages[], note: SeedNote) {
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
    for (const seed of this.#seeds) {
      const found = await this.#try(seed, () => findReference(seed, `${repository}:${target}`));
      if (!found) continue;
      this.#say('info', `${repository}:${target} is taken from ${seed.path}; its registry is not asked`);
      return found;
    }
    return undefined;
  }

  smallBlob(descriptor: Descriptor, maxBytes: number): Promise<Uint8Array | undefined> {
    return this.#first(descriptor.digest, async (seed) =>
      seed.find(descriptor.digest) ? readVerified(seed, descriptor, maxBytes) : undefined,
    );
  }

  locate(descriptor: Descriptor): FileAt | undefined {
    for (const seed of this.#seeds) {
      if (this.#isWrong(seed, descriptor.digest)) continue;
      const file = this.#check(seed, () => findBlob(seed, descriptor));
      if (file) return file;
    }
    return undefined;
  }

  /** Returns whether a seed had it that was asked before all others. */
  distrust(digest: Digest): boolean {
    for (const seed of this.#seeds) {
      if (this.#isWrong(seed, digest) || !this.#check(seed, () => seed.find(digest))) continue;
      this.#wrong.set(seed, (this.#wrong.get(seed) ?? new Set()).add(digest));
      return true;
    }
    return false;
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
      return await read();
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
    this.#say('warning', `the seed ${seed.path} is passed over for this: ${error.message}`);
  }

  #say(kind: 'info' | 'warning', message: string): void {
    if (this.#said.has(message)) return;
    this.#said.add(message);
    this.#note({ kind, message });
  }
}
