// Which packs the pulled image lives in afterwards, and whether it is worth copying it into fresh ones.
import type { LayerMetadata } from '../fetch/metadata.ts';
import { digestKey } from '../layer/chunk-table.ts';
import { digestKeyOfHex, digestOfKey } from '../oci/digest-key.ts';
import type { FetchPlan, LayerPlan } from '../plan/fetch-plan.ts';
import { type CopiedChunk, copyIntoFreshPacks } from '../store/compact.ts';
import type { PackFile } from '../store/pack-file.ts';
import { packTarget } from './prepare.ts';
import type { PullSession } from './session.ts';

/** An image in more packs than this costs too many lookups to restore. */
const MAX_LIVE_PACKS = 8;
/** Packs that hold less of the image than this share are not worth restoring. */
const MIN_LIVE_SHARE = 0.5;

export interface Packs {
  /** To be uploaded: made by this pull. */
  readonly fresh: readonly PackFile[];
  /** All that hold a part of the image. */
  readonly live: readonly PackFile[];
}

/** Seals what was staged. Afterwards the store holds the whole image. Throws STORE_FAILED or DISK_FULL. */
export async function keepPacks(
  session: PullSession,
  plan: FetchPlan,
  metadata: readonly LayerMetadata[],
): Promise<Packs> {
  const chunks = imageChunks(session, plan, metadata);
  const stored = packsOf(
    chunks.filter((chunk) => session.store.packAt(chunk.path)),
    session,
  );
  const fresh = await session.staging.seal();
  const live = [...stored, ...fresh];
  if (!isWasteful(live) && !session.store.isDamaged) return { fresh, live };
  const paths = new Map(fresh.map((pack) => [pack.stagedPath, pack.path]));
  const copied = chunks.map((chunk) => ({ ...chunk, path: paths.get(chunk.path) ?? chunk.path }));
  const compressed = chunks.reduce((sum, chunk) => sum + chunk.compressedSize, 0);
  const packs = await copyIntoFreshPacks(copied, session.store, packTarget(compressed));
  await session.store.removeDamaged(new Set(packs.map(({ path }) => path)));
  return { fresh: packs, live: packs };
}

function isWasteful(live: readonly PackFile[]): boolean {
  const sum = (measure: (pack: PackFile) => number) => live.reduce((total, pack) => total + measure(pack), 0);
  return (
    live.length > MAX_LIVE_PACKS || sum((pack) => pack.liveBytes) < MIN_LIVE_SHARE * sum((pack) => pack.size)
  );
}

/** Every chunk and blob of the image that the store knows by name, once each, in the order in which it is read. */
function imageChunks(
  session: PullSession,
  plan: FetchPlan,
  metadata: readonly LayerMetadata[],
): CopiedChunk[] {
  const seen = new Set<string>();
  const chunks: CopiedChunk[] = [];
  const add = (form: CopiedChunk['form'], digest: string) => {
    const hex = digest.slice('sha256:'.length);
    const found = session.store.find(form, digestKeyOfHex(hex));
    if (!found || seen.has(`${form} ${hex}`)) return;
    seen.add(`${form} ${hex}`);
    chunks.push({ form, hex, ...found });
  };
  for (const [index, layer] of metadata.entries()) {
    const planned = plan.layers[index] as LayerPlan;
    if (layer.kind === 'plain') {
      add('blob', session.layers[index]?.digest ?? '');
      continue;
    }
    add('blob', layer.toc.digest);
    if (layer.tarSplit.digest) add('blob', layer.tarSplit.digest);
    if (planned.kind !== 'chunked') continue;
    for (let chunk = 0; chunk < planned.sources.sizes.length; chunk++) {
      add('frame', digestOfKey(digestKey(layer.table.digests, chunk)));
    }
  }
  return chunks;
}

function packsOf(chunks: readonly CopiedChunk[], session: PullSession): PackFile[] {
  const live = new Map<string, number>();
  for (const { path, compressedSize } of chunks) live.set(path, (live.get(path) ?? 0) + compressedSize);
  return [...live].flatMap(([path, liveBytes]) => {
    const pack = session.store.packAt(path);
    return pack ? [{ key: pack.key, path, size: pack.size, liveBytes }] : [];
  });
}
