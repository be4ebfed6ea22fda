// After a detour: decides what to do differently in the next attempt, or that there is none.
import { PullError } from '../errors.ts';
import type { LayerMetadata } from '../fetch/layer-metadata.ts';
import { type ChunkTable, digestKey, isGap } from '../layer/chunk-table.ts';
import { detectDialect } from '../layer/dialect.ts';
import { type Digest, digestHex } from '../oci/digest.ts';
import { digestKeyOfHex } from '../oci/digest-key.ts';
import type { FetchPlan } from '../plan/fetch-plan.ts';
import type { Detour } from '../unpack/job.ts';
import { isLocal } from './live-packs.ts';
import { type PullSession, warn } from './session.ts';

/** What earlier attempts have shown. */
export interface Lessons {
  /** Layers to fetch whole, and why; without a text where they owe nobody a reason. */
  readonly whole: Map<number, string>;
  /** Chunks and blobs that came damaged from the network once. */
  readonly refetched: Set<string>;
  /** Layers for which the store held wrong bytes. */
  readonly damagedInStore: Set<number>;
}

interface Circumstances {
  readonly lessons: Lessons;
  readonly plan: FetchPlan;
  readonly metadata: readonly LayerMetadata[];
}

/** Throws DIGEST_MISMATCH where the same blob came damaged from the registry twice. */
export async function learn(
  session: PullSession,
  detour: Detour,
  circumstances: Circumstances,
): Promise<void> {
  const { layer } = detour;
  const { lessons, metadata } = circumstances;
  if (detour.kind === 'inconsistent') {
    if (await forgetGaps(session, lessons, { layer, described: metadata[layer] })) return;
    return takeWhole(session, lessons, {
      layer,
      reason: `its parts do not make up the layer (${detour.reason})`,
    });
  }
  const described = metadata[layer];
  if (isLocal(circumstances.plan, layer)) return learnLocal(session, detour, circumstances.plan);
  if (detour.found.blob) await learnBlob(session, lessons, detour);
  if (described?.kind !== 'chunked') return;
  if (detour.found.tarSplit) await learnTarSplit(session, lessons, { layer, described });
  if (detour.found.chunks.length > 0)
    await learnChunks(session, lessons, { layer, described, chunks: detour.found.chunks });
}

/** A file of this machine stays what it is: only a seed has somebody behind it who may have the right bytes. */
function learnLocal(session: PullSession, { layer, reason }: Detour, plan: FetchPlan): void {
  const planned = plan.layers[layer];
  // The diff_id where it is the uncompressed layer that stands there.
  const digest = (planned?.kind === 'plain' ? planned.digest : session.layers[layer]?.digest) as Digest;
  const file = planned?.kind === 'plain' ? plan.files[planned.file] : undefined;
  const path = file?.kind === 'local' ? file.path : session.source.name;
  const message = `layer ${digest} in ${path} does not match its digest`;
  if (!session.source.distrust?.(digest))
    throw new PullError('DIGEST_MISMATCH', `${message} (${reason})`, {
      hint: 'The file is damaged or was changed while it was read; write it again.',
    });
  warn(session, `${message} and is fetched instead`);
}

/** The same wrong blob twice is damaged at the registry. */
async function learnBlob(session: PullSession, lessons: Lessons, { layer, reason }: Detour): Promise<void> {
  const descriptor = session.layers[layer];
  if (!descriptor) return;
  const { digest, size } = descriptor;
  const damaged = { form: 'blob', layer, chunks: new Map([[digestHex(digest), size]]) } as const;
  if (!discard(session, lessons, damaged).again)
    return session.staging.drop('blob', new Set([digestHex(digest)]));
  const message = `layer ${digest} from ${session.source.name} does not match its digest, fetched twice (${reason})`;
  throw new PullError('DIGEST_MISMATCH', message);
}

/** The same wrong chunk twice is damaged at the registry, or the TOC lies: the whole layer shows. */
async function learnChunks(
  session: PullSession,
  lessons: Lessons,
  found: { layer: number; described: LayerMetadata & { kind: 'chunked' }; chunks: readonly number[] },
): Promise<void> {
  const { layer, described } = found;
  const reasons = {
    frame: (hex: string) => `chunk sha256:${hex} does not match its digest`,
    part: () => 'what lies between its chunks cannot be read',
  };
  for (const form of ['frame', 'part'] as const) {
    const chunks = namesOf(
      described.table,
      found.chunks.filter((chunk) => isGap(described.table, chunk) === (form === 'part')),
    );
    const [first] = chunks.keys();
    if (first === undefined) continue;
    const { again } = discard(session, lessons, { form, layer, chunks });
    await session.staging.drop(form, new Set(chunks.keys()));
    if (again) takeWhole(session, lessons, { layer, reason: reasons[form](first) });
  }
}

/** Hex digest → size. A chunk may stand in a layer many times: what counts is its name. */
function namesOf({ digests, sizes }: ChunkTable, chunks: readonly number[]): Map<string, number> {
  return new Map(
    chunks.map((chunk) => [
      Buffer.from(digestKey(digests, chunk), 'latin1').toString('hex'),
      sizes[chunk] as number,
    ]),
  );
}

/**
 * A layer whose chunks are right, and which is wrong all the same: gaps have no digest that would tell whether the store is to blame
 * for them. None is used again, and where some came out of the store, all are fetched. false where none did.
 */
async function forgetGaps(
  session: PullSession,
  lessons: Lessons,
  { layer, described }: { layer: number; described: LayerMetadata | undefined },
): Promise<boolean> {
  if (described?.kind !== 'chunked' || !described.table.gaps) return false;
  const { table } = described;
  const all = [...table.offsets.keys()].filter((index) => isGap(table, index));
  const names = namesOf(table, all);
  const isStored = [...names].some(([hex, size]) =>
    session.store.isStored('part', digestKeyOfHex(hex), size),
  );
  for (const [hex, size] of names) session.store.forget('part', digestKeyOfHex(hex), size);
  await session.staging.drop('part', new Set(names.keys()));
  if (!isStored) return false;
  const digest = session.layers[layer]?.digest;
  warn(
    session,
    `what the cache holds of layer ${digest} does not make up the layer; what may be wrong is fetched`,
  );
  distrustStore(session, lessons, layer);
  return true;
}

interface Damaged {
  readonly form: 'frame' | 'blob' | 'part';
  readonly layer: number;
  /** Hex digest → size. */
  readonly chunks: ReadonlyMap<string, number>;
}

/** Forgets wrong bytes and says so, once a layer. `again`: some of them came wrong from the network before. */
function discard(
  session: PullSession,
  lessons: Lessons,
  { form, layer, chunks }: Damaged,
): { again: boolean } {
  const digest = session.layers[layer]?.digest;
  const isCached = (hex: string, size: number) => session.store.isStored(form, digestKeyOfHex(hex), size);
  const arrived = [...chunks].some(([hex, size]) => !isCached(hex, size));
  // Where a mirror was to blame, what comes next comes from elsewhere, and this damage says nothing about it.
  const isMirrors = arrived && digest !== undefined && session.source.distrust?.(digest) === true;
  let [cached, again] = [0, false];
  for (const [hex, size] of chunks) {
    if (isCached(hex, size)) cached++;
    else if (!isMirrors && lessons.refetched.has(`${form} ${hex}`)) again = true;
    else if (!isMirrors) lessons.refetched.add(`${form} ${hex}`);
    session.store.forget(form, digestKeyOfHex(hex), size);
  }
  const [first] = chunks.keys();
  const others = chunks.size > 1 ? ` and ${chunks.size - 1} more` : '';
  const what = {
    blob: `layer ${digest}`,
    frame: `chunk sha256:${first}${others} of layer ${digest}`,
    part: `a part of layer ${digest}`,
  }[form];
  // Of a layer with parts only the wrong ones are fetched.
  const mended = form === 'blob' ? '; what is wrong in it is fetched' : ' and is fetched';
  const fate = cached > 0 ? `was damaged in the cache${mended}` : 'arrived damaged and is fetched again';
  if (!again) warn(session, `${what} ${fate}`);
  if (cached > 0) distrustStore(session, lessons, layer);
  return { again };
}

/** One damaged layer is mended chunk by chunk; a store that is wrong about a second one is not asked again in this pull. */
function distrustStore(session: PullSession, lessons: Lessons, layer: number): void {
  lessons.damagedInStore.add(layer);
  if (lessons.damagedInStore.size > 1) session.store.forgetSealed();
}

async function learnTarSplit(
  session: PullSession,
  lessons: Lessons,
  { layer, described }: { layer: number; described: LayerMetadata & { kind: 'chunked' } },
): Promise<void> {
  if (!described.tarSplit) return;
  const { form, hex, compressedSize } = described.tarSplit;
  const key = digestKeyOfHex(hex);
  const cached = session.store.isStored(form, key, compressedSize);
  session.store.forget(form, key, compressedSize);
  await session.staging.drop(form, new Set([hex]));
  if (!cached) {
    const layerDigest = session.layers[layer]?.digest;
    if (layerDigest) session.source.distrust?.(layerDigest);
    return takeWhole(session, lessons, { layer, reason: 'its tar-split does not match its digest' });
  }
  warn(
    session,
    `the tar-split of layer ${session.layers[layer]?.digest} was damaged in the cache and is fetched`,
  );
  distrustStore(session, lessons, layer);
}

function takeWhole(
  session: PullSession,
  lessons: Lessons,
  { layer, reason }: { layer: number; reason: string },
): void {
  if (lessons.whole.has(layer)) return;
  lessons.whole.set(layer, reason);
  warn(session, `layer ${session.layers[layer]?.digest} is fetched whole: ${reason}`);
  if (lessons.whole.size < 2) return;
  for (const [index, descriptor] of session.layers.entries()) {
    // One that has not said to be chunked is not accused.
    const isClaimed = detectDialect(descriptor).kind !== 'maybe';
    if (!lessons.whole.has(index))
      lessons.whole.set(index, isClaimed ? 'other layers of the image lie about their parts' : '');
  }
}
