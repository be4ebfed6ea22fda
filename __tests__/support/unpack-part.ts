// Unpacks a part of a stack of layers as a pull does: files that are missing at the end are added, and it begins anew.
import { packEntries } from '../../src/layer/packed-entries.ts';
import { selectFiles } from '../../src/unpack/select.ts';
import { createTocReader } from '../../src/unpack/toc-reader.ts';
import type { Origin } from '../../src/unpack/tree.ts';
import {
  createUnpacker,
  type Unpacker,
  type UnpackOptions,
  type UnpackReport,
} from '../../src/unpack/unpacker.ts';
import { slices } from './slices.ts';
import { type TocLayer, tocLayer } from './toc-layer.ts';

const MAX_ENTRIES = 10_000;

export interface PartOptions {
  /** A new empty directory for each attempt. */
  readonly fresh: () => string;
  readonly options: Omit<UnpackOptions, 'root'>;
  /** Does layer n come by its table of contents? Default: none does. */
  readonly isToc?: (layer: number) => boolean;
}

export interface PartReport extends UnpackReport {
  readonly root: string;
  readonly attempts: number;
}

/** The attempts of a pull are limited as well. */
const MAX_ATTEMPTS = 3;

export async function unpackPart(
  tars: readonly Uint8Array[],
  lengths: readonly number[],
  { fresh, options, isToc = () => false }: PartOptions,
): Promise<PartReport> {
  const layers = tars.map((tar, index) => (isToc(index) ? tocLayer(tar) : tar));
  const missing: Origin[] = [];
  for (let attempts = 1; attempts <= MAX_ATTEMPTS; attempts++) {
    const root = fresh();
    const result = await attempt(layers, { lengths, missing, options: { ...options, root } });
    if ('entries' in result) return { ...result, root, attempts };
    missing.push(...result.missing);
  }
  throw new Error(`${MAX_ATTEMPTS} attempts were not enough`);
}

interface Attempt {
  readonly lengths: readonly number[];
  readonly missing: readonly Origin[];
  readonly options: UnpackOptions;
}

async function attempt(
  layers: readonly (Uint8Array | TocLayer)[],
  { lengths, missing: besides, options }: Attempt,
): Promise<UnpackReport | { readonly missing: readonly Origin[] }> {
  const packed = layers.map((layer) => ('contents' in layer ? packEntries(layer.entries) : undefined));
  const needed = await selectFiles({ ...options, layers: packed, besides });
  const unpacker = createUnpacker(options);
  try {
    for (const [index, layer] of layers.entries()) {
      const flags = needed[index]?.flags ?? flagsOf(besides, index);
      if ('contents' in layer) unpackToc(unpacker, index, { layer, flags, lengths });
      else {
        unpacker.beginLayer(index, { kept: { flags, isExact: false } });
        for (const part of slices(layer, lengths)) unpacker.write(part);
      }
      unpacker.endLayer();
    }
    const missing = unpacker.prune();
    return missing.length > 0 ? { missing } : await unpacker.finish();
  } catch (error) {
    unpacker.abort();
    throw error;
  }
}

function flagsOf(missing: readonly Origin[], layer: number): Uint8Array {
  const flags = new Uint8Array(MAX_ENTRIES);
  for (const { entry } of missing.filter((one) => one.layer === layer)) flags[entry] = 1;
  return flags;
}

function unpackToc(
  unpacker: Unpacker,
  index: number,
  { layer, flags, lengths }: { layer: TocLayer; flags: Uint8Array; lengths: readonly number[] },
): void {
  unpacker.beginLayer(index, {
    kept: { flags, isExact: true },
    createReader: (handler) => createTocReader({ entries: layer.entries, flags }, handler),
  });
  const content = Buffer.concat(layer.contents.filter((_, entry) => flags[entry] === 1));
  for (const part of slices(content, lengths)) unpacker.write(part);
}
