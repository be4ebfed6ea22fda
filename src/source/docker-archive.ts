// The archive that `docker save` writes, read as containers/image reads it: by its manifest.json.
// https://github.com/moby/docker-image-spec/blob/main/v1.2.md#combined-image-json--filesystem-changeset-format
import { type Compression, sniffCompression } from '../compression/decompress.ts';
import { PullError } from '../errors.ts';
import { createHasher, digestOf } from '../integrity/hash.ts';
import { type ImageConfig, MAX_CONFIG_BYTES, parseConfig } from '../oci/config.ts';
import type { Descriptor } from '../oci/descriptor.ts';
import { type Digest, digestAlgorithm, digestHex, isDigest } from '../oci/digest.ts';
import {
  arrayField,
  isJsonRecord,
  type JsonRecord,
  parseJsonObject,
  quote,
  stringField,
} from '../oci/json.ts';
import { MAX_INDEX_ENTRIES, MAX_LAYERS, MAX_MANIFEST_BYTES } from '../oci/manifest.ts';
import { DOCKER_CONFIG, DOCKER_MANIFEST } from '../oci/media-type.ts';
import type { FileTree } from './file-tree.ts';
import { type FileAt, readPiece, readSmall, streamFile } from './local-file.ts';
import { asLayoutError, type LocalEntry, type LocalImages } from './local-images.ts';

const MANIFEST = 'manifest.json';

const LAYER_TYPES: Readonly<Record<Compression, string>> = {
  none: 'application/vnd.docker.image.rootfs.diff.tar',
  gzip: 'application/vnd.docker.image.rootfs.diff.tar.gzip',
  zstd: 'application/vnd.docker.image.rootfs.diff.tar.zstd',
};

export function isDockerArchive(tree: FileTree): boolean {
  return tree.find(MANIFEST) !== undefined;
}

/** One image of the archive. */
interface Item {
  readonly config: string;
  readonly tags: readonly string[];
  readonly layers: readonly string[];
}

interface Archive {
  readonly tree: FileTree;
  /** What the archive holds under other names than digests, or not at all, once it was asked for. */
  readonly known: Map<Digest, FileAt | Uint8Array>;
  readonly signal: AbortSignal;
}

/**
 * Manifests are made up, because the archive has none; layers that are not compressed go by their diff_id. The caller closes the
 * tree, through the result. Throws LAYOUT_INVALID, LIMIT_EXCEEDED.
 */
export async function openDockerArchive(tree: FileTree, signal: AbortSignal): Promise<LocalImages> {
  const archive: Archive = { tree, known: new Map(), signal };
  const items = await readItems(tree);
  return {
    path: tree.path,
    entries: items.map((item) => toEntry(archive, item)),
    find: (digest) => archive.known.get(digest) ?? findByName(tree, digest),
    close: () => tree.close(),
  };
}

async function readItems(tree: FileTree): Promise<Item[]> {
  const file = tree.find(MANIFEST);
  if (!file)
    throw new PullError('LAYOUT_INVALID', `${tree.path} is no work of docker save: it holds no ${MANIFEST}`, {
      hint: tree.find('index.json')
        ? 'It is an image layout: name it oci-archive:FILE.'
        : 'Docker before 1.10 wrote none; load the archive into a current Docker and save it again.',
    });
  const what = `${MANIFEST} of ${tree.path}`;
  const bytes = await readSmall(file, MAX_MANIFEST_BYTES, what);
  return asLayoutError(() => {
    // A list; the rules for documents of others are those for objects.
    const wrapped = Buffer.concat([Buffer.from('{"images":'), bytes, Buffer.from('}')]);
    const document = parseJsonObject(wrapped, what, wrapped.length);
    const list = arrayField(document, 'images', what);
    if (Object.keys(document).length !== 1)
      throw new PullError('LAYOUT_INVALID', `${what}: no list of images`);
    if (list.length > MAX_INDEX_ENTRIES) throw tooMany(`${what}: ${list.length} images`, MAX_INDEX_ENTRIES);
    return list.map((json, index) => toItem(json, `${what}, image ${index + 1}`));
  });
}

function toItem(json: unknown, what: string): Item {
  if (!isJsonRecord(json)) throw new PullError('LAYOUT_INVALID', `${what}: not an object`);
  const config = stringField(json, 'Config', what);
  if (!config) throw new PullError('LAYOUT_INVALID', `${what}: has no config`);
  const layers = strings(json, 'Layers', what);
  if (layers.length > MAX_LAYERS) throw tooMany(`${what}: ${layers.length} layers`, MAX_LAYERS);
  return { config, tags: strings(json, 'RepoTags', what), layers };
}

function strings(json: JsonRecord, key: string, what: string): string[] {
  return arrayField(json, key, what).map((value) => {
    if (typeof value === 'string') return value;
    throw new PullError('LAYOUT_INVALID', `${what}: "${key}" holds something that is no string`);
  });
}

function toEntry(archive: Archive, item: Item): LocalEntry {
  let described: Promise<Descriptor> | undefined;
  return {
    id: item.config,
    names: item.tags,
    describe: () => {
      described ??= describe(archive, item);
      return described;
    },
  };
}

async function describe(archive: Archive, item: Item): Promise<Descriptor> {
  const { tree, known } = archive;
  const what = `the config ${quote(item.config)} of ${tree.path}`;
  const file = member(tree, item.config);
  const bytes = await readSmall(file, MAX_CONFIG_BYTES, what);
  const config = asLayoutError(() => parseConfig(bytes, what));
  if (config.diffIds.length !== item.layers.length)
    throw invalid(
      tree,
      `${item.layers.length} layers are listed, but the config has ${config.diffIds.length} diff_ids`,
    );
  const layers = [];
  for (const [index, name] of item.layers.entries())
    layers.push(await describeLayer(archive, name, config.diffIds[index] as Digest));
  const described = { mediaType: DOCKER_CONFIG, digest: digestOf(bytes), size: bytes.length };
  known.set(described.digest, file);
  const manifest = Buffer.from(
    JSON.stringify({ schemaVersion: 2, mediaType: DOCKER_MANIFEST, config: described, layers }),
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

async function describeLayer(archive: Archive, name: string, diffId: Digest) {
  const file = member(archive.tree, name);
  const head = await readPiece(file, { start: 0, end: Math.min(file.size, 8) });
  const compression = sniffCompression(head);
  const digest = compression === 'none' ? diffId : await digestOfLayer(archive, name, file);
  archive.known.set(digest, file);
  return { mediaType: LAYER_TYPES[compression], digest, size: file.size };
}

/** Newer archives name blobs by their digests, which are verified when a layer is unpacked. Elsewhere the file has to be read for it. */
async function digestOfLayer({ signal }: Archive, name: string, file: FileAt): Promise<Digest> {
  const [, algorithm, hex] = /^blobs\/(sha256|sha512)\/([0-9a-f]+)$/.exec(name) ?? [];
  const named = `${algorithm}:${hex}`;
  if (isDigest(named)) return named;
  const hasher = createHasher();
  for await (const bytes of streamFile(file, { start: 0, end: file.size }, signal)) hasher.update(bytes);
  return hasher.digest();
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

function tooMany(what: string, limit: number): PullError {
  return new PullError('LIMIT_EXCEEDED', `${what} exceed the limit of ${limit}`, {
    hint: 'No sound archive has so many.',
  });
}
