// Pulls of a part of an image: what the globs found, and what a second attempt has to write besides.
import { PullError } from '../errors.ts';
import type { LayerMetadata } from '../fetch/layer-metadata.ts';
import { narrowTable } from '../layer/narrow-table.ts';
import type { PackedEntries } from '../layer/packed-entries.ts';
import { quote } from '../oci/json.ts';
import type { MissingFiles } from '../unpack/job.ts';
import type { KeptEntries } from '../unpack/node-maker.ts';
import { createSelection } from '../unpack/selection.ts';
import type { UnpackedPart } from '../unpack/unpacker.ts';
import { openPool } from './jobs.ts';
import { type PullSession, warn } from './session.ts';

/** Globs named in a message. */
const MAX_SHOWN = 5;

/** By layer: entries whose files are needed although their names are not wanted. */
export type MissingByLayer = Map<number, Set<number>>;

/** Adds what an attempt lacked. Throws INTERNAL where that was known before: the next one would lack it again. */
export function learnMissing(known: MissingByLayer, { entries }: MissingFiles): void {
  let isNew = false;
  for (const { layer, entry } of entries) {
    const ofLayer = known.get(layer) ?? new Set();
    isNew ||= !ofLayer.has(entry);
    known.set(layer, ofLayer.add(entry));
  }
  if (!isNew) throw new PullError('INTERNAL', 'a file that a hard link needs was not written twice');
}

/** For a layer whose tar stream is read. */
export function keptOf(known: MissingByLayer, layer: number): KeptEntries | undefined {
  const entries = known.get(layer);
  if (!entries) return undefined;
  const flags = new Uint8Array([...entries].reduce((most, entry) => Math.max(most, entry), 0) + 1);
  for (const entry of entries) flags[entry] = 1;
  return { flags, isExact: false };
}

/** A layer that is chunked, and of which only needed files are fetched. */
export interface PartOfLayer {
  readonly kept: KeptEntries;
  readonly entries: PackedEntries;
}

export interface Parts {
  /** As it was, but that tables hold no chunks that nobody needs. */
  readonly metadata: readonly LayerMetadata[];
  /** By layer; undefined for those that come whole. */
  readonly parts: readonly (PartOfLayer | undefined)[];
}

/** Finds out which files are needed of layers whose table of contents is trusted. Throws LIMIT_EXCEEDED. */
export async function selectParts(
  { options, privileges }: PullSession,
  metadata: readonly LayerMetadata[],
  missing: MissingByLayer,
): Promise<Parts> {
  const layers = metadata.map((layer) => (layer.kind === 'chunked' ? layer.entries : undefined));
  if (layers.every((entries) => entries === undefined)) return { metadata, parts: [] };
  await using pool = openPool(1, options.signal);
  const besides = [...missing].flatMap(([layer, entries]) => [...entries].map((entry) => ({ layer, entry })));
  const { paths, limits } = options;
  const needed = await pool.run('select', { layers, paths, limits, owner: privileges.owner, besides });
  return {
    metadata: metadata.map((layer, index) => {
      const files = needed[index];
      if (layer.kind !== 'chunked' || !files) return layer;
      return { ...layer, table: narrowTable(layer.table, files.chunks) };
    }),
    parts: layers.map((entries, index) => {
      const files = needed[index];
      return entries && files && { entries, kept: { flags: files.flags, isExact: true } };
    }),
  };
}

/** Throws INPUT_INVALID for globs that cannot be used. `where`: how the user knows them. */
export function checkPaths(paths: readonly string[], where: string): readonly string[] {
  try {
    createSelection(paths, where);
    return paths;
  } catch (error) {
    if (!(error instanceof PullError)) throw error;
    throw new PullError(error.code, error.message, { hint: GLOB_HINT, cause: error.cause });
  }
}

const GLOB_HINT =
  'Write globs as paths from the root of the image, like usr/lib/jvm/**, or **/*.conf wherever it is; a backslash takes away the meaning of the character behind it.';

/** An empty tree would only fail later, and with less to go by. Throws INPUT_INVALID; a glob that is of no use is a warning. */
export function checkMatches(session: PullSession, part: UnpackedPart | undefined): void {
  const { paths = [] } = session.options;
  if (!part || paths.length === 0) return;
  if (part.matched === 0)
    throw new PullError(
      'INPUT_INVALID',
      `nothing in ${session.image.repository} is left by the globs ${list(paths)}`,
      {
        hint: 'A glob has to match paths from the root of the image, like usr/lib/jvm/**, or **/*.conf wherever it is. Upper and lower case differ, and what a glob with ! matches is left out.',
      },
    );
  const isExclude = (glob: string) => glob.startsWith('!');
  const [includes, excludes] = [part.idle.filter((glob) => !isExclude(glob)), part.idle.filter(isExclude)];
  if (includes.length > 0) warn(session, `nothing in the image matches ${list(includes)}`);
  if (excludes.length > 0) warn(session, `nothing is left out by ${list(excludes)}`);
}

function list(paths: readonly string[]): string {
  const more = paths.length > MAX_SHOWN ? ` and ${paths.length - MAX_SHOWN} more` : '';
  return `${paths.slice(0, MAX_SHOWN).map(quote).join(', ')}${more}`;
}
