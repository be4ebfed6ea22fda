// An OCI image layout, in a directory or in an archive.
// https://github.com/opencontainers/image-spec/blob/main/image-layout.md
import { PullError } from '../errors.ts';
import type { Descriptor } from '../oci/descriptor.ts';
import { digestAlgorithm, digestHex } from '../oci/digest.ts';
import { parseJsonObject, quote, stringField } from '../oci/json.ts';
import { MAX_MANIFEST_BYTES, parseManifest } from '../oci/manifest.ts';
import { isImageManifestType, isIndexType, OCI_INDEX } from '../oci/media-type.ts';
import { isAttestation } from '../oci/select-manifest.ts';
import type { FileTree } from './file-tree.ts';
import { readSmall } from './local-file.ts';
import { asLayoutError, type LocalEntry, type LocalImages } from './local-images.ts';

/** https://github.com/opencontainers/image-spec/blob/main/annotations.md#pre-defined-annotation-keys; BuildKit and Docker write the other. */
const NAMES = ['org.opencontainers.image.ref.name', 'io.containerd.image.name'];
const MAX_MARKER_BYTES = 64 << 10;

export function isLayout(tree: FileTree): boolean {
  return tree.find('index.json') !== undefined;
}

/** The caller closes the tree, through the result. Throws LAYOUT_INVALID, LIMIT_EXCEEDED. */
export async function openLayout(tree: FileTree): Promise<LocalImages> {
  await checkVersion(tree);
  const index = tree.find('index.json');
  if (!index)
    throw new PullError('LAYOUT_INVALID', `${tree.path} is no image layout: it holds no index.json`, {
      hint:
        tree.find('manifest.json') && 'It looks like the work of docker save: name it docker-archive:FILE.',
    });
  const what = `index.json of ${tree.path}`;
  const bytes = await readSmall(index, MAX_MANIFEST_BYTES, what);
  const parsed = asLayoutError(() => parseManifest(bytes, OCI_INDEX, what));
  const manifests = parsed.kind === 'index' ? parsed.manifests : [];
  return {
    path: tree.path,
    entries: manifests.filter(isImage).map(toEntry),
    find: (digest) => tree.find(`blobs/${digestAlgorithm(digest)}/${digestHex(digest)}`),
    close: () => tree.close(),
  };
}

/** Writers have left the marker out, and other tools read such layouts; one of another version they refuse. */
async function checkVersion(tree: FileTree): Promise<void> {
  const marker = tree.find('oci-layout');
  if (!marker) return;
  const what = `oci-layout of ${tree.path}`;
  const bytes = await readSmall(marker, MAX_MARKER_BYTES, what);
  const version = asLayoutError(() =>
    stringField(parseJsonObject(bytes, what, MAX_MARKER_BYTES), 'imageLayoutVersion', what),
  );
  if (!version?.startsWith('1.'))
    throw new PullError(
      'LAYOUT_INVALID',
      `${what}: a layout of version ${quote(version ?? '')}, not of 1.0.0`,
    );
}

function isImage(entry: Descriptor): boolean {
  return (isIndexType(entry.mediaType) || isImageManifestType(entry.mediaType)) && !isAttestation(entry);
}

function toEntry(descriptor: Descriptor): LocalEntry {
  const names = NAMES.flatMap((key) => descriptor.annotations[key] || []);
  return { id: descriptor.digest, names: [...new Set(names)], describe: async () => descriptor };
}
