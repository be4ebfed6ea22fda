// Names the chunks of chunked layers that were fetched whole, so that later images can share them.

import { open } from 'node:fs/promises';
import { rangeLength } from '../bytes/range.ts';
import { type ExternalToc, externalTocJob, fetchExternalToc } from '../fetch/external-toc.ts';
import type { ReadTocJob } from '../fetch/jobs.ts';
import type { ChunkedDialect, LayerMetadata } from '../fetch/layer-metadata.ts';
import { MIN_ESTARGZ_SIZE } from '../fetch/metadata.ts';
import type { LayerTally } from '../fetch/tally.ts';
import { type ChunkTable, chunkCount, DIGEST_BYTES } from '../layer/chunk-table.ts';
import { locateToc } from '../layer/dialect.ts';
import { FOOTER_TAIL_BYTES, type Footer, parseFooter } from '../layer/footer.ts';
import type { Descriptor } from '../oci/descriptor.ts';
import type { FetchPlan } from '../plan/fetch-plan.ts';
import type { PackEntry } from '../store/pack-format.ts';
import { openPool } from './jobs.ts';
import { tooLarge } from './read-layers.ts';
import type { PullSession } from './session.ts';

/** A layer whose table cannot be used is kept without: it is a blob like any other. Throws ABORTED. */
export async function indexWholeLayers(
  session: PullSession,
  plan: FetchPlan,
  metadata: readonly LayerMetadata[],
): Promise<void> {
  const whole = await findWhole(session, plan, metadata);
  // One thread: a table of contents takes up to a hundred times its size in memory while it is read.
  await using pool = openPool(1, session.options.signal);
  for (const layer of whole) {
    const { table, pack, offset } = layer;
    const job = table ? undefined : await findToc(session, layer);
    if (!table && !job) continue;
    const outcome = job
      ? await pool.run('readToc', job).catch(tooLarge)
      : ({ kind: 'toc', table: table as ChunkTable } as const);
    if (outcome.kind === 'toc') await session.staging.index(pack, entriesOf(outcome.table, offset));
    else
      session.options.emit({
        kind: 'debug',
        message: `a layer is kept without its chunks: ${outcome.reason}`,
      });
  }
}

interface WholeLayer {
  readonly descriptor: Descriptor;
  readonly tally: LayerTally;
  readonly chunked: ChunkedDialect;
  /** Its chunks, where they have been read already. */
  readonly table: ChunkTable | undefined;
  readonly pack: number;
  /** Of the blob in the pack. */
  readonly offset: number;
}

/** Those that this pull has fetched, in whichever attempt; each once, however often the image repeats it. */
async function findWhole(
  { staging, layers, tallies }: PullSession,
  plan: FetchPlan,
  metadata: readonly LayerMetadata[],
): Promise<Iterable<WholeLayer>> {
  const whole = new Map<string, WholeLayer>();
  for (const [index, layer] of metadata.entries()) {
    const planned = plan.layers[index];
    const file = planned?.kind === 'plain' ? plan.files[planned.file] : undefined;
    if (layer.kind !== 'plain' || !layer.chunked || planned?.kind !== 'plain' || !file) continue;
    const pack = file.kind === 'new' ? file.pack : await staging.numberOf(file.path);
    const { offset } = planned;
    const { chunked, table } = layer;
    const descriptor = layers[index] as Descriptor;
    const tally = tallies[index] as LayerTally;
    if (pack !== undefined)
      whole.set(`${pack} ${offset}`, { descriptor, tally, chunked, table, pack, offset });
  }
  return whole.values();
}

/** undefined for a layer that turns out to be plain, or is no better than one. */
async function findToc(session: PullSession, layer: WholeLayer): Promise<ReadTocJob | undefined> {
  const { chunked, offset, pack } = layer;
  const { size } = layer.descriptor;
  const { path } = await session.staging.pack(pack);
  const located =
    chunked.kind === 'zstd-chunked' ? chunked : locateToc(chunked, await footerOf(layer, path), size);
  if (located.kind === 'external') return findExternalToc(session, layer, located);
  if (located.kind !== 'located' && located.kind !== 'zstd-chunked') return undefined;
  const { compression, dataEnd, toc } = located;
  const { range, digest, jsonDigest } = toc;
  const compressedSize = rangeLength(range);
  return { path, offset: offset + range.start, compressedSize, compression, digest, jsonDigest, dataEnd };
}

/** Fetched by now at the latest: without it the next image could share nothing. */
async function findExternalToc(
  { source, staging, tocImage, options }: PullSession,
  { descriptor, tally }: WholeLayer,
  located: ExternalToc,
): Promise<ReadTocJob | undefined> {
  if (descriptor.size < MIN_ESTARGZ_SIZE) return undefined;
  const { emit, signal } = options;
  const toc = await fetchExternalToc(descriptor, { source, staging, tocImage, tally, emit, signal });
  if (toc.kind === 'fetched') return externalTocJob(located, toc.at);
  const message = `layer ${descriptor.digest} is kept without its chunks: ${toc.reason}`;
  emit({ kind: 'info', message });
  return undefined;
}

async function footerOf({ descriptor: { size }, offset }: WholeLayer, path: string): Promise<Footer> {
  const tail = Buffer.alloc(Math.min(FOOTER_TAIL_BYTES, size));
  await using file = await open(path, 'r');
  await file.read(tail, 0, tail.length, offset + size - tail.length);
  return parseFooter(tail, size);
}

/** Each chunk once, however often the layer repeats it. */
function entriesOf(table: ChunkTable, offset: number): PackEntry[] {
  const { digests, offsets, compressedSizes, sizes, innerOffsets } = table;
  const all = Buffer.from(digests.buffer, digests.byteOffset, digests.byteLength);
  const entries = new Map<string, PackEntry>();
  for (let chunk = 0; chunk < chunkCount(table); chunk++) {
    const hex = all.toString('hex', chunk * DIGEST_BYTES, (chunk + 1) * DIGEST_BYTES);
    const [start, compressedSize, size] = [offsets[chunk], compressedSizes[chunk], sizes[chunk]] as [
      number,
      number,
      number,
    ];
    const innerOffset = innerOffsets?.[chunk];
    const inside = innerOffset === undefined ? {} : { innerOffset };
    if (!entries.has(hex))
      entries.set(hex, { form: 'frame', hex, offset: offset + start, compressedSize, size, ...inside });
  }
  return [...entries.values()];
}
