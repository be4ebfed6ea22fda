// After a detour: decides what to do differently in the next attempt, or that there is none.
import { PullError } from '../errors.ts';
import type { LayerMetadata } from '../fetch/metadata.ts';
import { digestKey } from '../layer/chunk-table.ts';
import { type Digest, digestHex } from '../oci/digest.ts';
import { digestKeyOfHex, digestOfKey } from '../oci/digest-key.ts';
import type { FetchPlan } from '../plan/fetch-plan.ts';
import type { Detour } from '../unpack/job.ts';
import { isLocal } from './live-packs.ts';
import { type PullSession, warn } from './session.ts';

/** What earlier attempts have shown. */
export interface Lessons {
  /** Layers to fetch whole, and why. */
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
  const { digests, sizes } = described.table;
  // A chunk may stand in a layer many times: what counts is its name.
  const keys = new Map(found.chunks.map((chunk) => [digestKey(digests, chunk), sizes[chunk] as number]));
  const chunks = new Map([...keys].map(([key, size]) => [Buffer.from(key, 'latin1').toString('hex'), size]));
  const { again } = discard(session, lessons, { form: 'frame', layer, chunks });
  await session.staging.drop('frame', new Set(chunks.keys()));
  if (!again) return;
  const [first] = keys.keys();
  takeWhole(session, lessons, {
    layer,
    reason: `chunk ${digestOfKey(first ?? '')} does not match its digest`,
  });
}

interface Damaged {
  readonly form: 'frame' | 'blob';
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
  const what = form === 'blob' ? `layer ${digest}` : `chunk sha256:${first}${others} of layer ${digest}`;
  const verb = cached > 0 ? 'was damaged in the cache' : 'arrived damaged';
  if (!again) warn(session, `${what} ${verb} and is fetched again`);
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
  const { digest, compressedSize } = described.tarSplit;
  const key = digest && digestKeyOfHex(digestHex(digest));
  const cached = key !== undefined && session.store.isStored('blob', key, compressedSize);
  if (key !== undefined) session.store.forget('blob', key, compressedSize);
  if (digest) await session.staging.drop('blob', new Set([digestHex(digest)]));
  if (!cached) {
    const layerDigest = session.layers[layer]?.digest;
    if (layerDigest) session.source.distrust?.(layerDigest);
    return takeWhole(session, lessons, { layer, reason: 'its tar-split does not match its digest' });
  }
  warn(
    session,
    `the tar-split of layer ${session.layers[layer]?.digest} was damaged in the cache and is fetched again`,
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
  for (const index of session.layers.keys()) {
    if (!lessons.whole.has(index))
      lessons.whole.set(index, 'other layers of the image lie about their parts');
  }
}
