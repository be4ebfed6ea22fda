// What a layout or an archive holds, whatever its form: images by name, and content by digest.
import { PullError } from '../errors.ts';
import { digestOf } from '../integrity/hash.ts';
import { verifyBytes } from '../integrity/verify.ts';
import type { Descriptor } from '../oci/descriptor.ts';
import type { Digest } from '../oci/digest.ts';
import { quote } from '../oci/json.ts';
import { MAX_MANIFEST_BYTES } from '../oci/manifest.ts';
import { OCI_INDEX } from '../oci/media-type.ts';
import { normalizePlatform, type Platform } from '../oci/platform.ts';
import { formatReference, parseReference } from '../oci/reference.ts';
import { ZSTD_ANNOTATION } from '../oci/select-manifest.ts';
import { type FileAt, readSmall } from './local-file.ts';
import type { RawManifest } from './source.ts';

export interface LocalEntry {
  /** The same for the same image, however often it is listed. */
  readonly id: string;
  /** As written: tags or whole references. */
  readonly names: readonly string[];
  /** There is no manifest here, so one has to be made. */
  readonly isMadeUp?: true;
  /** Of its manifest or index. Throws LAYOUT_INVALID. */
  describe(): Promise<Descriptor>;
}

export interface LocalImages {
  /** Of the directory or archive, for messages. */
  readonly path: string;
  readonly entries: readonly LocalEntry[];
  /** A file, or bytes that were made up for it; what it holds is not verified. Throws LAYOUT_INVALID as FileTree.find. */
  find(digest: Digest): FileAt | Uint8Array | undefined;
  /** Makes `find` know layers that are not compressed by their diff_ids where names do not say them. `note` takes what is wrong. */
  /** Layers that cannot be told by any digest without reading them; known after indexTars. */
  readonly nameless?: number;
  indexTars?(note: (error: unknown) => void): Promise<void>;
  close(): Promise<void>;
}

const MAX_LISTED = 20;
export const DAMAGED = 'The file is damaged or was changed; write it again.';

/**
 * The manifest of the one image that is meant: by tag, by reference, by `@N`, or the only one. Several of the same name and for
 * different platforms make an index. Throws LAYOUT_INVALID, naming what there is.
 */
export async function pickImage(images: LocalImages, name: string | undefined): Promise<RawManifest> {
  const found = name === undefined ? images.entries : images.entries.filter(isNamed(name, images.entries));
  if (found.length === 0) throw missingImage(images, name);
  return readEntries(images, found);
}

/**
 * The same for the one of a whole reference, `registry/repository:tag`; undefined where none has that name. A manifest that is
 * `made-up` is held by nobody, so that no registry is likely to know its digest.
 */
export async function findReference(
  images: LocalImages,
  reference: string,
  origin: 'held' | 'made-up',
): Promise<RawManifest | undefined> {
  const found = images.entries.filter(({ names }) => names.some((name) => fullName(name) === reference));
  const isMadeUp = found.some((entry) => entry.isMadeUp) || new Set(found.map(({ id }) => id)).size > 1;
  return found.length === 0 || isMadeUp !== (origin === 'made-up') ? undefined : readEntries(images, found);
}

function isFile(content: FileAt | Uint8Array | undefined): content is FileAt {
  return content !== undefined && !(content instanceof Uint8Array);
}

async function readEntries(images: LocalImages, found: readonly LocalEntry[]): Promise<RawManifest> {
  const distinct = [...new Map(found.map((entry) => [entry.id, entry])).values()];
  const [first, ...others] = distinct;
  if (!first) throw missingImage(images);
  const nameless = found.every(({ names }) => names.length === 0);
  if (others.length === 0) return readManifest(images, await first.describe());
  if (!nameless && !shareName(distinct)) throw ambiguous(images, found);
  const descriptors = await describeDistinct(distinct);
  if (!descriptors) throw ambiguous(images, found);
  const bytes = Buffer.from(
    JSON.stringify({ schemaVersion: 2, mediaType: OCI_INDEX, manifests: descriptors.map(toJson) }),
  );
  return { bytes, mediaType: OCI_INDEX, digest: digestOf(bytes) };
}

/** Verified. Throws LAYOUT_INVALID, LIMIT_EXCEEDED, SIZE_MISMATCH, DIGEST_MISMATCH. */
export async function readManifest(
  images: LocalImages,
  { digest, size, mediaType }: { digest: Digest; size?: number; mediaType: string },
): Promise<RawManifest> {
  const bytes = await readVerified(images, { digest, size }, MAX_MANIFEST_BYTES);
  return { bytes, mediaType, digest };
}

/** Throws as readManifest. */
export async function readVerified(
  images: LocalImages,
  { digest, size }: { digest: Digest; size?: number | undefined },
  maxBytes: number,
): Promise<Uint8Array> {
  const what = `${digest} in ${images.path}`;
  const content = images.find(digest);
  if (!content) throw missing(images, digest);
  const bytes = content instanceof Uint8Array ? content : await readSmall(content, maxBytes, what);
  try {
    verifyBytes(bytes, { digest, size: size ?? bytes.length }, what);
  } catch (error) {
    if (!(error instanceof PullError)) throw error;
    throw new PullError(error.code, error.message, { hint: DAMAGED, cause: error });
  }
  return bytes;
}

/** The file that holds a blob, with the size that it should have; undefined where it is not held as a file. Throws LAYOUT_INVALID. */
export function findBlob(images: LocalImages, { digest, size }: Descriptor): FileAt | undefined {
  const found = images.find(digest);
  if (!isFile(found)) return undefined;
  if (found.size === size) return found;
  throw new PullError(
    'LAYOUT_INVALID',
    `${images.path}: blob ${digest} has ${found.size} bytes instead of ${size}`,
    { hint: DAMAGED },
  );
}

/** The file that holds a layer's tar stream, uncompressed, of any size. Throws LAYOUT_INVALID. */
export function findTar(images: LocalImages, diffId: Digest): FileAt | undefined {
  const found = images.find(diffId);
  return isFile(found) ? found : undefined;
}

export function missing(images: LocalImages, digest: Digest): PullError {
  return new PullError('LAYOUT_INVALID', `${images.path} holds no blob ${digest}`, {
    hint: 'It may have been written for some of its platforms only, or in part; write it again with what is wanted.',
  });
}

/** What is malformed on this machine is no fault of whoever pushed the image. */
export function asLayoutError<T>(parse: () => T): T {
  try {
    return parse();
  } catch (error) {
    if (!(error instanceof PullError) || error.code !== 'MANIFEST_INVALID') throw error;
    throw new PullError('LAYOUT_INVALID', error.message, { cause: error });
  }
}

/** Which of them are meant by a tag, a reference or `@N`. */
export function isNamed(name: string, entries: readonly LocalEntry[]): (entry: LocalEntry) => boolean {
  const number = /^@(\d+)$/.exec(name)?.[1];
  if (number !== undefined) return (entry) => entry === entries[Number(number)];
  if (entries.some(({ names }) => names.includes(name))) return ({ names }) => names.includes(name);
  const wanted = normalName(name);
  return ({ names }) => wanted !== undefined && names.some((other) => fullName(other) === wanted);
}

/** `registry/repository:tag` of a name that says its tag; a tag alone is no reference. */
function fullName(name: string): string | undefined {
  return name.includes(':') ? normalName(name) : undefined;
}

function normalName(name: string): string | undefined {
  try {
    return formatReference(parseReference(name));
  } catch {
    return undefined;
  }
}

/** As long as all names together take, however they are spread: archives are written by others. */
function shareName(entries: readonly LocalEntry[]): boolean {
  const [first = new Set(), ...others] = entries.map(({ names }) => new Set(names));
  return others.reduce((shared, names) => shared.intersection(names), first).size > 0;
}

/**
 * One after the other, because describing may read all of an image; undefined, and the rest not read, once choosing by platform
 * would leave a doubt. A twin that is compressed with zstd is the same image.
 */
async function describeDistinct(entries: readonly LocalEntry[]): Promise<readonly Descriptor[] | undefined> {
  const descriptors = new Map<string, Descriptor>();
  for (const entry of entries) {
    const descriptor = await entry.describe();
    const { platform, annotations } = descriptor;
    const key = platform && platformKey(platform, annotations[ZSTD_ANNOTATION]);
    if (key === undefined || descriptors.has(key)) return undefined;
    descriptors.set(key, descriptor);
  }
  return [...descriptors.values()];
}

function platformKey(platform: Platform, twin: string | undefined): string {
  const { os, architecture, variant, osVersion, osFeatures } = normalizePlatform(platform);
  return JSON.stringify([os, architecture, variant, osVersion, osFeatures, twin]);
}

function toJson({ platform, annotations, ...descriptor }: Descriptor): object {
  const { osVersion, osFeatures, ...rest } = platform ?? {};
  const versions = { 'os.version': osVersion, 'os.features': osFeatures };
  return { ...descriptor, annotations, ...(platform ? { platform: { ...rest, ...versions } } : {}) };
}

/** `name`: what was asked for. */
export function missingImage({ path, entries }: LocalImages, name = ''): PullError {
  if (entries.length === 0) return new PullError('LAYOUT_INVALID', `${path} holds no image`);
  return new PullError('LAYOUT_INVALID', `${path} holds no image ${quote(name)}, only ${list(entries)}`, {
    hint: 'Name one of those, or leave the name out if there is only one.',
  });
}

function ambiguous({ path }: LocalImages, entries: readonly LocalEntry[]): PullError {
  return new PullError('LAYOUT_INVALID', `${path} holds several images: ${list(entries)}`, {
    hint: 'Name one of them behind a colon, or by @ and its digest, or as :@0, :@1 and so on.',
  });
}

function list(entries: readonly LocalEntry[]): string {
  const names = [...new Set(entries.flatMap(({ names: [name], id }) => name ?? id))];
  const shown = names.slice(0, MAX_LISTED).map(quote).join(', ');
  return names.length > MAX_LISTED ? `${shown} and ${names.length - MAX_LISTED} more` : shown;
}
