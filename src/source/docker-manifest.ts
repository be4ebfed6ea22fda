// The manifest.json of an archive that `docker save` writes: which images it holds.
// https://github.com/moby/docker-image-spec/blob/main/v1.2.md#combined-image-json--filesystem-changeset-format
import { PullError } from '../errors.ts';
import { arrayField, isJsonRecord, type JsonRecord, parseJsonObject, stringField } from '../oci/json.ts';
import { MAX_INDEX_ENTRIES, MAX_LAYERS, MAX_MANIFEST_BYTES } from '../oci/manifest.ts';
import type { FileTree } from './file-tree.ts';
import { readSmall } from './local-file.ts';
import { asLayoutError } from './local-images.ts';

const MANIFEST = 'manifest.json';
/** As many as a layout could have: two for each of its images. */
const MAX_NAMES = 2 * MAX_INDEX_ENTRIES;

export function isDockerArchive(tree: FileTree): boolean {
  return tree.find(MANIFEST) !== undefined;
}

/** One image of the archive. */
export interface Item {
  readonly config: string;
  readonly tags: readonly string[];
  readonly layers: readonly string[];
}

/** Throws LAYOUT_INVALID, LIMIT_EXCEEDED. */
export async function readItems(tree: FileTree): Promise<Item[]> {
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
    const items = list.map((json, index) => toItem(json, `${what}, image ${index + 1}`));
    const names = items.reduce((sum, { tags }) => sum + tags.length, 0);
    if (names > MAX_NAMES) throw tooMany(`${what}: ${names} names`, MAX_NAMES);
    return items;
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

function tooMany(what: string, limit: number): PullError {
  return new PullError('LIMIT_EXCEEDED', `${what} exceed the limit of ${limit}`, {
    hint: 'No sound archive has so many.',
  });
}
