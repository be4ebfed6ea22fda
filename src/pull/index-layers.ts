// Names the chunks of zstd:chunked layers that were fetched whole, so that later images can share them.

import { rangeLength } from '../bytes/range.ts';
import type { LayerMetadata } from '../fetch/metadata.ts';
import type { ChunkedLayer } from '../layer/annotations.ts';
import { type ChunkTable, chunkCount, DIGEST_BYTES } from '../layer/chunk-table.ts';
import type { FetchPlan } from '../plan/fetch-plan.ts';
import type { PackEntry } from '../store/pack-format.ts';
import { openPool } from './jobs.ts';
import type { PullSession } from './session.ts';

/** A layer whose table cannot be used is kept without: it is a blob like any other. */
export async function indexWholeLayers(
  session: PullSession,
  plan: FetchPlan,
  metadata: readonly LayerMetadata[],
): Promise<void> {
  const whole = await findWhole(session, plan, metadata);
  // One thread: a table of contents takes up to a hundred times its size in memory while it is read.
  await using pool = openPool(1);
  for (const { chunked, table, pack, offset } of whole) {
    const outcome = table
      ? ({ kind: 'toc', table } as const)
      : await pool
          .run('readToc', { ...tocAt(chunked, offset), path: (await session.staging.pack(pack)).path })
          .catch((error: unknown) => ({ kind: 'unusable', reason: String(error) }) as const);
    if (outcome.kind === 'toc') await session.staging.index(pack, entriesOf(outcome.table, offset));
    else
      session.options.emit({
        kind: 'debug',
        message: `a layer is kept without its chunks: ${outcome.reason}`,
      });
  }
}

interface WholeLayer {
  readonly chunked: ChunkedLayer;
  /** Its chunks, where they have been read already. */
  readonly table: ChunkTable | undefined;
  readonly pack: number;
  /** Of the blob in the pack. */
  readonly offset: number;
}

/** Those that this pull has fetched, in whichever attempt; each once, however often the image repeats it. */
async function findWhole(
  { staging }: PullSession,
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
    if (pack !== undefined) whole.set(`${pack} ${offset}`, { chunked, table, pack, offset });
  }
  return whole.values();
}

/** `offset`: of the blob in its file. */
function tocAt({ toc, dataEnd }: ChunkedLayer, offset: number) {
  const { range, digest } = toc;
  return { offset: offset + range.start, compressedSize: rangeLength(range), digest, dataEnd };
}

/** Each chunk once, however often the layer repeats it. */
function entriesOf(table: ChunkTable, offset: number): PackEntry[] {
  const { digests, offsets, compressedSizes, sizes } = table;
  const all = Buffer.from(digests.buffer, digests.byteOffset, digests.byteLength);
  const entries = new Map<string, PackEntry>();
  for (let chunk = 0; chunk < chunkCount(table); chunk++) {
    const hex = all.toString('hex', chunk * DIGEST_BYTES, (chunk + 1) * DIGEST_BYTES);
    const [start, compressedSize, size] = [offsets[chunk], compressedSizes[chunk], sizes[chunk]] as [
      number,
      number,
      number,
    ];
    if (!entries.has(hex))
      entries.set(hex, { form: 'frame', hex, offset: offset + start, compressedSize, size });
  }
  return [...entries.values()];
}
