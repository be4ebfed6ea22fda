// The select job: which files of layers with a table of contents an image needs, found out before anything of them is fetched. All
// entries are applied to a tree as they will be, but to no disk.
import { PullError } from '../errors.ts';
import { type PackedEntries, unpackEntries } from '../layer/packed-entries.ts';
import type { TocEntry } from '../layer/toc-entries.ts';
import { DEFAULT_LIMITS } from './limits.ts';
import { NoDisk } from './no-disk.ts';
import type { KeptEntries } from './node-maker.ts';
import { Planner } from './planner.ts';
import { Quota } from './quota.ts';
import { createSelection } from './selection.ts';
import { SkipList } from './skips.ts';
import type { Origin } from './tree.ts';
import type { UnpackOptions } from './unpacker.ts';

export interface SelectJob extends Pick<UnpackOptions, 'paths' | 'limits' | 'owner'> {
  /** By layer, lowest first; undefined for one that has no table of contents, of which nothing is known yet. */
  readonly layers: readonly (PackedEntries | undefined)[];
  /** Files that are needed in any case. */
  readonly besides: readonly Origin[];
}

export interface NeededFiles {
  /** By entry. */
  readonly flags: Uint8Array;
  /** By chunk of the layer's table: 1 for those of the files. */
  readonly chunks: Uint8Array;
}

/**
 * By layer. Where all layers have a table of contents it is exact; otherwise it may be too much, and too little where links of other
 * layers lead to a file, which shows when the image is unpacked. Throws LIMIT_EXCEEDED.
 */
export async function selectFiles(job: SelectJob): Promise<(NeededFiles | undefined)[]> {
  const planner = createPlanner(job);
  const layers = job.layers.map((packed) => packed && unpackEntries(packed));
  for (const [index, entries] of layers.entries()) if (entries) rehearse(planner, index, entries);
  const needed = layers.map((entries) => entries && emptySelection(entries));
  for (const { layer, entry } of [...(planner.prune()?.missing ?? []), ...job.besides]) {
    const [files, found] = [needed[layer], layers[layer]?.[entry]];
    if (files && found) addFile(files, found, entry);
  }
  return needed;
}

const NOTHING: KeptEntries = { flags: new Uint8Array(), isExact: true };

/** An entry that cannot be applied will say so when the image is unpacked, if it still matters then. */
function rehearse(planner: Planner, layer: number, entries: readonly TocEntry[]): void {
  planner.beginLayer(layer, NOTHING);
  for (const { entry } of entries) {
    try {
      planner.entry(entry);
    } catch (error) {
      if (!(error instanceof PullError) || error.code === 'LIMIT_EXCEEDED') throw error;
    }
  }
  planner.endLayer();
}

function createPlanner({ paths = [], limits: changes, owner }: SelectJob): Planner {
  const limits = { ...DEFAULT_LIMITS, ...changes };
  return new Planner({
    sink: new NoDisk(),
    limits,
    quota: new Quota(limits),
    owner,
    skips: new SkipList(),
    selection: createSelection(paths),
  });
}

function emptySelection(entries: readonly TocEntry[]): NeededFiles {
  const chunks = entries.reduce((most, { endChunk }) => Math.max(most, endChunk), 0);
  return { flags: new Uint8Array(entries.length), chunks: new Uint8Array(chunks) };
}

function addFile(needed: NeededFiles, { firstChunk, endChunk }: TocEntry, entry: number): void {
  needed.flags[entry] = 1;
  needed.chunks.fill(1, firstChunk, endChunk);
}
