// Which packs the pulled image lives in afterwards, and whether it is worth copying it into fresh ones.
import { describeError } from '../errors.ts';
import type { LayerMetadata } from '../fetch/layer-metadata.ts';
import { chunkCount, digestKey, isGap } from '../layer/chunk-table.ts';
import { digestHex } from '../oci/digest.ts';
import { digestKeyOfHex } from '../oci/digest-key.ts';
import type { FetchPlan } from '../plan/fetch-plan.ts';
import { type CopiedChunk, copyIntoFreshPacks } from '../store/compact.ts';
import type { PackFile } from '../store/pack-file.ts';
import type { PackEntry } from '../store/pack-format.ts';
import { type OpenPack, readSound } from '../store/read-pack.ts';
import type { SealedPack } from '../store/staging.ts';
import { indexWholeLayers } from './index-layers.ts';
import { holdsMember, isMixed } from './mixed-packs.ts';
import { packTarget } from './prepare.ts';
import { type PullSession, warn } from './session.ts';

/** An image in more packs than this costs too many lookups to restore: 256 jobs that start within a minute have 1,500. */
export const MAX_LIVE_PACKS = 5;
/** Packs that hold less of the image than this share are not worth restoring. */
export const MIN_LIVE_SHARE = 0.5;

export interface Packs {
  /** To be uploaded: made by this pull. */
  readonly fresh: readonly PackFile[];
  /** All that hold a part of the image. */
  readonly live: readonly PackFile[];
  /** Keys of those of them that hold something of other images, too. Empty where nothing is uploaded from a shared store. */
  readonly mixed: ReadonlySet<string>;
}

/** Seals what was staged. Afterwards the store holds the whole image. Throws STORE_FAILED or DISK_FULL. */
export async function keepPacks(
  session: PullSession,
  plan: FetchPlan,
  metadata: readonly LayerMetadata[],
): Promise<Packs> {
  const image = { session, plan, metadata };
  const stored = storedPacks(image);
  await indexWholeLayers(session, plan, metadata);
  const fresh = await session.staging.seal();
  const live = [...stored, ...fresh];
  // Only a remote cache suffers from many packs; a store on disk would be compacted again and again, an image at a time.
  const isWorthIt = session.caching.cache !== undefined && isWasteful(live);
  const asTheyAre = async () => ({ fresh, live, mixed: await mixedPacks(image, { stored, fresh }) });
  // Where another pull has sealed the same chunks meanwhile, they do not lie where this one has put them.
  const canCompact = !fresh.some(({ isKept }) => isKept);
  if (!canCompact || (!isWorthIt && !session.store.isDamaged)) return await asTheyAre();
  try {
    return await compact(image, fresh);
  } catch (error) {
    warn(session, `the packs could not be compacted: ${describeError(error)}`);
    return await asTheyAre();
  }
}

interface LivePacks {
  readonly stored: readonly PackFile[];
  readonly fresh: readonly SealedPack[];
  /** See holdsMember. */
  readonly members?: ReadonlySet<string>;
}

/** What this pull has fetched or copied is of its image. Keys. */
async function mixedPacks(
  image: Image,
  { stored, fresh, members = new Set() }: LivePacks,
): Promise<ReadonlySet<string>> {
  const { options, store } = image.session;
  const mixed = new Set<string>();
  if (!options.uploadsFromSharedStore) return mixed;
  const names = new Set<string>();
  for (const { form, key } of imageKeys(image)) names.add(`${form} ${key}`);
  const isOurs = (pack: OpenPack | undefined) =>
    pack !== undefined && !isMixed(pack, (form, key) => names.has(`${form} ${key}`));
  for (const { key, path } of stored) if (!isOurs(store.packAt(path))) mixed.add(key);
  for (const pack of fresh) {
    const { key, path, isKept } = pack;
    const isOwn = isKept ? isOurs(await readSound(path, key)) : !holdsMember(pack, members);
    if (!isOwn) mixed.add(key);
  }
  return mixed;
}

async function compact(image: Image, fresh: readonly SealedPack[]): Promise<Packs> {
  const { session } = image;
  const sealed = new Map(fresh.map((pack) => [pack.stagedPath, pack]));
  const frames = new Map<string, readonly PackEntry[]>();
  const framesOf = (path: string) => {
    const known = frames.get(path) ?? [...((sealed.get(path) ?? session.store.packAt(path))?.frames() ?? [])];
    frames.set(path, known);
    return known;
  };
  const chunks = togetherWhereStored(imageChunks(image)).map((chunk): CopiedChunk => {
    const known = chunk.form === 'blob' ? framesInside(chunk, framesOf(chunk.path)) : [];
    const inside = known.filter(({ offset }) => !session.store.isForgotten(chunk.path, offset));
    const beside = chunk.inside ?? [];
    return { ...chunk, path: sealed.get(chunk.path)?.path ?? chunk.path, inside: [...beside, ...inside] };
  });
  const members = new Set<string>();
  if (session.options.uploadsFromSharedStore)
    for (const chunk of chunks)
      if (chunk.innerOffset !== undefined && session.store.packAt(chunk.path))
        for (const { hex } of [chunk, ...(chunk.inside ?? [])]) members.add(hex);
  const compressed = chunks.reduce((sum, chunk) => sum + chunk.compressedSize, 0);
  const packs = await copyIntoFreshPacks(chunks, session.store, packTarget(compressed));
  await session.store.removeDamaged(new Set(packs.map(({ path }) => path)));
  const mixed = await mixedPacks(image, { stored: [], fresh: packs, members });
  return { fresh: packs, live: packs, mixed };
}

/** Chunks that follow one another and are stored in the same bytes are copied once. */
function togetherWhereStored(chunks: Iterable<CopiedChunk>): CopiedChunk[] {
  const together: (CopiedChunk & { inside: PackEntry[] })[] = [];
  for (const chunk of chunks) {
    const last = together.at(-1);
    const isSame = last && last.path === chunk.path && last.offset === chunk.offset;
    if (isSame && last.compressedSize === chunk.compressedSize) {
      const { path: _, ...entry } = chunk;
      last.inside.push(entry);
    } else together.push({ ...chunk, inside: [] });
  }
  return together;
}

/** A blob keeps the chunks that it is known to hold. `frames`: of its pack, ascending by offset. */
function framesInside({ offset, compressedSize }: CopiedChunk, frames: readonly PackEntry[]): PackEntry[] {
  let [low, high] = [0, frames.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((frames[middle] as PackEntry).offset < offset) low = middle + 1;
    else high = middle;
  }
  const inside: PackEntry[] = [];
  for (let frame = frames[low]; frame; frame = frames[++low]) {
    if (frame.offset + frame.compressedSize > offset + compressedSize) break;
    inside.push(frame);
  }
  return inside;
}

interface Image {
  readonly session: PullSession;
  readonly plan: FetchPlan;
  readonly metadata: readonly LayerMetadata[];
}

function isWasteful(live: readonly PackFile[]): boolean {
  const sum = (measure: (pack: PackFile) => number) => live.reduce((total, pack) => total + measure(pack), 0);
  return (
    live.length > MAX_LIVE_PACKS || sum((pack) => pack.liveBytes) < MIN_LIVE_SHARE * sum((pack) => pack.size)
  );
}

/** Every chunk and blob of the image that the store knows by name, once each, in the order in which it is read. */
function* imageChunks(image: Image): Generator<CopiedChunk> {
  const seen = new Set<string>();
  for (const { form, key, size } of imageKeys(image)) {
    const found = image.session.store.find(form, key, size);
    if (!found || seen.has(`${form} ${key}`)) continue;
    seen.add(`${form} ${key}`);
    yield { form, hex: Buffer.from(key, 'latin1').toString('hex'), ...found };
  }
}

function* imageKeys({
  session,
  plan,
  metadata,
}: Image): Generator<{ form: CopiedChunk['form']; key: string; size: number }> {
  // What is needed first stands first: see ArrivingPack.
  for (const [index, layer] of metadata.entries()) {
    if (layer.kind === 'plain' || isLocal(plan, index)) continue;
    for (const { form, hex, compressedSize } of layer.blobs)
      yield { form, key: digestKeyOfHex(hex), size: compressedSize };
  }
  for (const [index, layer] of metadata.entries()) {
    if (isLocal(plan, index)) continue;
    if (layer.kind === 'plain') {
      const descriptor = session.layers[index];
      if (descriptor)
        yield {
          form: 'blob',
          key: digestKeyOfHex(digestHex(descriptor.digest)),
          size: descriptor.size,
        };
      continue;
    }
    if (plan.layers[index]?.kind !== 'chunked') continue;
    for (let chunk = 0; chunk < chunkCount(layer.table); chunk++) {
      yield {
        form: isGap(layer.table, chunk) ? 'part' : 'frame',
        key: digestKey(layer.table.digests, chunk),
        size: layer.table.sizes[chunk] as number,
      };
    }
  }
}

/** It stands on this machine outside of the store, where the next pull finds it as well. */
export function isLocal(plan: FetchPlan, layer: number): boolean {
  const planned = plan.layers[layer];
  return planned?.kind === 'plain' && plan.files[planned.file]?.kind === 'local';
}

/** The packs that were in the store before and hold a part of the image. */
function storedPacks(image: Image): PackFile[] {
  const { store } = image.session;
  const live = new Map<string, number>();
  const seen = new Set<string>();
  for (const { form, key, size } of imageKeys(image)) {
    const found = store.find(form, key, size);
    if (!found || !store.packAt(found.path) || seen.has(`${form} ${key}`)) continue;
    seen.add(`${form} ${key}`);
    live.set(found.path, (live.get(found.path) ?? 0) + found.compressedSize);
  }
  return [...live].flatMap(([path, liveBytes]) => {
    const pack = store.packAt(path);
    return pack ? [{ key: pack.key, path, size: pack.size, liveBytes }] : [];
  });
}
