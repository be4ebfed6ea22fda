// The archive that `docker save` writes, read as containers/image reads it: by its manifest.json.
// https://github.com/moby/docker-image-spec/blob/main/v1.2.md#combined-image-json--filesystem-changeset-format
import { type Compression, sniffCompression } from '../compression/decompress.ts';
import { PullError } from '../errors.ts';
import { throwIfAborted } from '../http/abort.ts';
import { digestOf } from '../integrity/hash.ts';
import { type ImageConfig, MAX_IMAGE_CONFIG_BYTES, parseConfig } from '../oci/config.ts';
import type { Descriptor } from '../oci/descriptor.ts';
import { type Digest, digestAlgorithm, digestHex, isDigest } from '../oci/digest.ts';
import { quote } from '../oci/json.ts';
import { DOCKER_CONFIG, DOCKER_MANIFEST } from '../oci/media-type.ts';
import { type Item, readItems } from './docker-manifest.ts';
import type { FileTree } from './file-tree.ts';
import type { LocalContext } from './local-context.ts';
import { type FileAt, readPiece, readSmall } from './local-file.ts';
import { asLayoutError, DAMAGED, type LocalEntry, type LocalImages } from './local-images.ts';
import { type MemberDigests, memberDigests, placeOf } from './member-digests.ts';

const LAYER_TYPES: Readonly<Record<Compression, string>> = {
  none: 'application/vnd.docker.image.rootfs.diff.tar',
  gzip: 'application/vnd.docker.image.rootfs.diff.tar.gzip',
  zstd: 'application/vnd.docker.image.rootfs.diff.tar.zstd',
};

interface Archive {
  readonly tree: FileTree;
  /** What the archive holds under other names than digests, or not at all, once it was asked for. */
  readonly known: Map<Digest, FileAt | Uint8Array>;
  readonly digests: MemberDigests;
  /** By place: what the first bytes of members say. */
  readonly compressions: Map<string, Compression>;
  /** By the place of the config. */
  readonly images: Map<string, KnownImage>;
}

/** What items of the same config have in common, read when it is first asked for. */
interface KnownImage {
  /** As the config was called first. */
  readonly id: string;
  image(): Promise<Image>;
  describe(): Promise<Descriptor>;
}

/**
 * Manifests are made up, because the archive has none; layers that are not compressed go by their diff_id. The caller closes the
 * tree, through the result. Throws LAYOUT_INVALID, LIMIT_EXCEEDED.
 */
export async function openDockerArchive(tree: FileTree, context: LocalContext): Promise<LocalImages> {
  const archive: Archive = {
    tree,
    known: new Map(),
    digests: memberDigests(tree.path, context),
    compressions: new Map(),
    images: new Map(),
  };
  const items = await readItems(tree);
  let nameless = 0;
  return {
    path: tree.path,
    entries: items.map((item) => toEntry(archive, item)),
    find: (digest) => archive.known.get(digest) ?? findByName(tree, digest),
    indexTars: async (note) => {
      for (const { image } of archive.images.values()) {
        throwIfAborted(context.signal);
        const known = await image().catch(note);
        nameless += known?.layers.filter(({ digest }) => digest === undefined).length ?? 0;
      }
    },
    get nameless() {
      return nameless;
    },
    close: () => tree.close(),
  };
}

function toEntry(archive: Archive, item: Item): LocalEntry {
  const { id, describe } = knowImage(archive, item);
  return { id, names: item.tags, isMadeUp: true, describe };
}

/** However often it is listed and under whatever names, an image is read once. */
function knowImage(archive: Archive, item: Item): KnownImage {
  const place = placeOfConfig(archive.tree, item);
  const known = archive.images.get(place);
  if (known) return known;
  const image = once(() => readImage(archive, item));
  const describeImage = once(async () => describe(archive, await image()));
  const fresh = { id: item.config, image, describe: describeImage };
  archive.images.set(place, fresh);
  return fresh;
}

/** What is wrong with it is said when the image is asked for. */
function placeOfConfig(tree: FileTree, { config }: Item): string {
  try {
    const file = tree.find(config);
    return file ? placeOf(file) : config;
  } catch {
    return config;
  }
}

function once<T>(make: () => Promise<T>): () => Promise<T> {
  let made: Promise<T> | undefined;
  return () => {
    made ??= make();
    return made;
  };
}

/** What its config says, and where its layers are. */
interface Image {
  readonly described: { readonly mediaType: string; readonly digest: Digest; readonly size: number };
  readonly config: ImageConfig;
  readonly layers: readonly Layer[];
}

interface Layer {
  readonly file: FileAt;
  readonly compression: Compression;
  /** By its name, or by the config; undefined: it has to be read for it. Verified when the layer is unpacked. */
  readonly digest: Digest | undefined;
}

/** Layers that are not compressed are known by their diff_ids from then on. Throws LAYOUT_INVALID, LIMIT_EXCEEDED, DIGEST_MISMATCH. */
async function readImage(archive: Archive, item: Item): Promise<Image> {
  const { tree, known } = archive;
  const what = `the config ${quote(item.config)} of ${tree.path}`;
  const file = member(tree, item.config);
  const bytes = await readSmall(file, MAX_IMAGE_CONFIG_BYTES, what);
  const digest = checkName(item.config, bytes, what);
  const config = asLayoutError(() => parseConfig(bytes, what));
  if (config.diffIds.length !== item.layers.length)
    throw invalid(
      tree,
      `${item.layers.length} layers are listed, but the config has ${config.diffIds.length} diff_ids`,
    );
  const layers = [];
  for (const [index, name] of item.layers.entries())
    layers.push(await readLayer(archive, name, config.diffIds[index] as Digest));
  known.set(digest, file);
  for (const layer of layers) if (layer.digest) known.set(layer.digest, layer.file);
  return { described: { mediaType: DOCKER_CONFIG, digest, size: bytes.length }, config, layers };
}

/** Docker, skopeo and podman name a config `HEX.json`, newer Docker `blobs/sha256/HEX`, go-containerregistry `sha256:HEX`. */
function checkName(name: string, bytes: Uint8Array, what: string): Digest {
  const [, hex] = /^(?:blobs\/sha256\/|sha256:)?([0-9a-f]{64})(?:\.json)?$/.exec(name) ?? [];
  const actual = digestOf(bytes);
  if (hex === undefined || actual === `sha256:${hex}`) return actual;
  throw new PullError('DIGEST_MISMATCH', `${what} hashes to ${actual}`, { hint: DAMAGED });
}

async function describe(archive: Archive, { described, config, layers }: Image): Promise<Descriptor> {
  const { known } = archive;
  const digests = await digestsOf(archive, layers);
  const named = layers.map(({ file, compression }, index) => {
    const digest = digests[index] as Digest;
    known.set(digest, file);
    return { mediaType: LAYER_TYPES[compression], digest, size: file.size };
  });
  const manifest = Buffer.from(
    JSON.stringify({ schemaVersion: 2, mediaType: DOCKER_MANIFEST, config: described, layers: named }),
  );
  const digest = digestOf(manifest);
  known.set(digest, manifest);
  const { annotations, platform } = { annotations: Object.create(null), platform: platformOf(config) };
  return { mediaType: DOCKER_MANIFEST, digest, size: manifest.length, annotations, ...platform };
}

function platformOf({ os, architecture, variant }: ImageConfig) {
  if (os === 'unknown' || architecture === 'unknown') return {};
  return { platform: { os, architecture, ...(variant ? { variant } : {}) } };
}

async function readLayer(archive: Archive, name: string, diffId: Digest): Promise<Layer> {
  const file = member(archive.tree, name);
  const compression = await compressionOf(archive, file);
  return { file, compression, digest: compression === 'none' ? diffId : digestInName(name) };
}

async function compressionOf({ compressions }: Archive, file: FileAt): Promise<Compression> {
  const known = compressions.get(placeOf(file));
  if (known) return known;
  const compression = sniffCompression(await readPiece(file, { start: 0, end: Math.min(file.size, 8) }));
  compressions.set(placeOf(file), compression);
  return compression;
}

/** Newer archives name blobs by their digests. */
function digestInName(name: string): Digest | undefined {
  const [, algorithm, hex] = /^blobs\/(sha256|sha512)\/([0-9a-f]+)$/.exec(name) ?? [];
  const named = `${algorithm}:${hex}`;
  return isDigest(named) ? named : undefined;
}

async function digestsOf({ digests }: Archive, layers: readonly Layer[]): Promise<readonly Digest[]> {
  const hashed = (await digests(layers.flatMap(({ file, digest }) => (digest ? [] : [file])))).values();
  return layers.map(({ digest }) => digest ?? (hashed.next().value as Digest));
}

function member(tree: FileTree, name: string): FileAt {
  const file = tree.find(name);
  if (file) return file;
  throw invalid(tree, `it lists ${quote(name)} and does not hold it`);
}

/** What names say; whoever uses a blob verifies it. Newer Docker, rules_oci, go-containerregistry and jib, skopeo and podman. */
function findByName(tree: FileTree, digest: Digest): FileAt | undefined {
  const hex = digestHex(digest);
  const blob = `blobs/${digestAlgorithm(digest)}/${hex}`;
  for (const name of [blob, `${blob}.tar.gz`, `${hex}.tar.gz`, `${hex}.tar`, `${hex}.json`, digest]) {
    const file = tree.find(name);
    if (file) return file;
  }
  return undefined;
}

function invalid(tree: FileTree, why: string): PullError {
  return new PullError('LAYOUT_INVALID', `${tree.path}: ${why}`);
}
