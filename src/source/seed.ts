// Layouts and archives that are asked before the registry: what they hold is not fetched.
import { PullError } from '../errors.ts';
import { throwIfAborted } from '../http/abort.ts';
import { HttpError } from '../http/http-error.ts';
import { asSeedError, formatLocalImage, type LocalImage } from '../oci/image-name.ts';
import type { LocalContext, LocalNote } from './local-context.ts';
import { streamFile } from './local-file.ts';
import { isNamed, type LocalEntry, type LocalImages, missingImage } from './local-images.ts';
import { openLocalImages } from './local-source.ts';
import { SeedAsker } from './seed-asker.ts';
import type { ImageSource } from './source.ts';

export interface Seeds {
  readonly all: readonly LocalImages[];
  close(): Promise<void>;
}

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
    throw asSeedError(error);
  }
}

/** One that is named gives no tag but its own. Its blobs are what they are, whoever asks. */
async function openSeed(image: LocalImage, context: LocalContext): Promise<LocalImages> {
  const images = await openLocalImages(image, context);
  await indexTars(images, context);
  const { name, digest } = image;
  if (name === undefined && digest === undefined) return images;
  const isMeant =
    digest === undefined ? isNamed(name ?? '', images.entries) : (entry: LocalEntry) => entry.id === digest;
  const entries = images.entries.filter(isMeant);
  if (entries.length > 0) return { ...images, entries };
  await images.close();
  throw missingImage(images, formatLocalImage(image));
}

/** One broken image of a seed leaves the others. */
async function indexTars(images: LocalImages, { emit, signal }: LocalContext): Promise<void> {
  await images.indexTars?.((error) => {
    if (!(error instanceof PullError)) throw error;
    emit?.({
      kind: 'warning',
      message: `an image of the seed ${images.path} is of no use: ${error.message}`,
    });
  });
  throwIfAborted(signal);
}

/**
 * Manifests, configs and blobs of `seeds` where they have them, by digest and size (layers by diff_id as well), and of `primary`
 * where not. A tag is taken from a seed that names the whole reference, `registry/repository:tag`, and holds its manifest; from one
 * that has to make the manifest up only where the registry cannot be reached. What is wrong with a seed is noted, and the
 * registry asked. Closing it closes both.
 */
export function withSeeds(
  primary: ImageSource,
  seeds: Seeds,
  note: LocalNote = () => undefined,
): ImageSource {
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
    remarks: () => [...(primary.remarks?.() ?? []), ...ask.remarks()],
    tags: async () => (await primary.tags?.()) ?? [],
    manifest: async (target, expected, patience) => {
      const known = await ask.manifest(primary.name, target, expected);
      if (known) return known;
      return primary.manifest(target, expected, patience).catch(async (error: unknown) => {
        const standIn = isUnreachable(error) ? await ask.madeUpManifest(primary.name, target) : undefined;
        if (standIn) return standIn;
        throw error;
      });
    },
    smallBlob: async (descriptor, maxBytes) =>
      (await ask.smallBlob(descriptor, maxBytes)) ?? primary.smallBlob(descriptor, maxBytes),
    openBlob: async (descriptor, range, signal) => {
      const file = ask.locate(descriptor);
      return file
        ? { range, chunks: streamFile(file, range, signal) }
        : primary.openBlob(descriptor, range, signal);
    },
    locate: (descriptor, diffId) => ask.locate(descriptor, diffId) ?? primary.locate?.(descriptor, diffId),
    distrust: (digest) => ask.distrust(digest) || (primary.distrust?.(digest) ?? false),
    close: async () => {
      await Promise.all([primary.close(), seeds.close()]);
    },
  };
}

/** No connection came about: the registry has said nothing about the image, not even that it is not there. */
function isUnreachable(error: unknown): boolean {
  return error instanceof HttpError && error.isUnreachable;
}
