// Looks at an image without making anything of it: its layers, their tables of contents, and what is in its tree.
import { createWriteStream } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { toPullError } from '../errors.ts';
import type { LayerMetadata } from '../fetch/layer-metadata.ts';
import { readLayerMetadata } from '../fetch/metadata.ts';
import { createTally, type LayerTally } from '../fetch/tally.ts';
import type { Descriptor } from '../oci/descriptor.ts';
import type { Emit } from '../progress/events.ts';
import { Staging } from '../store/staging.ts';
import { ChunkStore } from '../store/store.ts';
import type { ListedEntry, ListedLayer } from '../unpack/listing.ts';
import { type Access, openImage } from './access.ts';
import { openPool } from './jobs.ts';
import type { PullOptions } from './options.ts';
import { readLayers } from './read-layers.ts';
import { TocBudget } from './toc-budget.ts';

/** A pull's options without where it puts things and what it keeps. The format and what belongs to it mean nothing here. */
export type SurveyOptions = Omit<
  PullOptions,
  'destination' | 'ownership' | 'storeRead' | 'storeWrite' | 'storeDirectory' | 'cache' | 'restricted'
>;

export interface SurveyedLayer {
  readonly descriptor: Descriptor;
  /** `chunked`, with its entries where they make sense, for every layer whose table of contents can be had. */
  readonly metadata: LayerMetadata;
}

export interface SurveyedImage {
  readonly access: Access;
  readonly layers: readonly SurveyedLayer[];
  /** Layers without a table of contents are downloaded for it. Throws as unpacking does. */
  list(): Promise<readonly ListedEntry[]>;
}

/**
 * Opens the image, and closes it once `use` is done. Throws what resolving an image and fetching its metadata throws, and
 * LIMIT_EXCEEDED where its tables of contents are too much to be held together.
 */
export async function surveyImage<T>(
  options: SurveyOptions,
  use: (image: SurveyedImage) => Promise<T>,
): Promise<T> {
  const directory = await mkdtemp(join(options.temporaryDirectory ?? tmpdir(), 'oci-pull-survey-'));
  try {
    const nothing = { destination: directory, ownership: 'runner', storeDirectory: directory } as const;
    const full: PullOptions = { ...options, ...nothing, storeRead: false, storeWrite: false };
    full.emit({ kind: 'stage', stage: 'resolve' });
    const access = await openImage(full);
    try {
      const layers = await readTables(full, access, directory);
      return await use({ access, layers, list: () => list(full, { access, layers, directory }) });
    } finally {
      await access.source.close();
    }
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

async function readTables(
  { emit, signal }: PullOptions,
  { source, image, tocImage }: Access,
  directory: string,
): Promise<SurveyedLayer[]> {
  emit({ kind: 'stage', stage: 'plan' });
  const { layers } = image.manifest;
  const store = await ChunkStore.open(join(directory, 'store'), false);
  const staging = new Staging(store);
  const tallies = createTally(layers.length);
  const budget = new TocBudget('refused');
  try {
    return await readLayers(layers, { signal, budget }, async (descriptor, index, reading) => {
      const tally = tallies[index] as LayerTally;
      const context = { source, store, staging, tocImage, ...reading, tally, emit, trustsToc: true };
      const read = () => readLayerMetadata(descriptor, context);
      return { descriptor, metadata: await budget.read(descriptor, read) };
    });
  } finally {
    await staging.discard();
  }
}

interface Listing {
  readonly access: Access;
  readonly layers: readonly SurveyedLayer[];
  readonly directory: string;
}

async function list(
  options: PullOptions,
  { access, layers, directory }: Listing,
): Promise<readonly ListedEntry[]> {
  const { emit, signal, limits } = options;
  const plain = layers.filter(({ metadata }) => entriesOf(metadata) === undefined);
  emit({ kind: 'planned', bytes: plain.reduce((sum, { descriptor }) => sum + descriptor.size, 0) });
  emit({ kind: 'stage', stage: 'fetch' });
  const inputs: ListedLayer[] = [];
  for (const [index, { descriptor, metadata }] of layers.entries()) {
    const entries = entriesOf(metadata);
    if (entries && metadata.kind === 'chunked')
      inputs.push({ kind: 'toc', entries, digests: metadata.table.digests });
    else {
      const path = join(directory, `layer-${index}`);
      await download(descriptor, path, { access, emit, signal });
      inputs.push({ kind: 'blob', path, digest: descriptor.digest });
    }
  }
  await using pool = openPool(1, signal);
  return await pool.run('list', { layers: inputs, limits });
}

function entriesOf(metadata: LayerMetadata) {
  return metadata.kind === 'chunked' ? metadata.entries : undefined;
}

interface Download {
  readonly access: Access;
  readonly emit: Emit;
  readonly signal: AbortSignal;
}

/** Unverified: who reads the file hashes it. */
async function download(
  descriptor: Descriptor,
  path: string,
  { access, emit, signal }: Download,
): Promise<void> {
  const body = await access.source.openBlob(descriptor, { start: 0, end: descriptor.size }, signal);
  async function* counted(): AsyncGenerator<Uint8Array> {
    for await (const bytes of body.chunks) {
      emit({ kind: 'received', bytes: bytes.length });
      // The source may use its memory again before it is written.
      yield Uint8Array.from(bytes);
    }
  }
  try {
    await pipeline(counted(), createWriteStream(path));
  } catch (error) {
    throw toPullError(error, {
      code: 'STORE_FAILED',
      message: `layer ${descriptor.digest} cannot be kept for a look at it`,
    });
  }
}
