// After a detour: decides what to do differently in the next attempt, or that there is none.
import { PullError } from '../errors.ts';
import type { LayerMetadata } from '../fetch/metadata.ts';
import { digestKey } from '../layer/chunk-table.ts';
import { digestHex } from '../oci/digest.ts';
import { digestKeyOfHex, digestOfKey } from '../oci/digest-key.ts';
import type { FetchPlan } from '../plan/fetch-plan.ts';
import type { UnpackOutcome } from '../unpack/jobs.ts';
import { type PullSession, warn } from './session.ts';

/** What earlier attempts have shown. */
export interface Lessons {
  /** Layers to fetch whole, and why. */
  readonly whole: Map<number, string>;
  /** Chunks and blobs that came damaged from the network once. */
  readonly refetched: Set<string>;
}

export type Detour = Exclude<UnpackOutcome, { kind: 'done' }>;

/** Throws DIGEST_MISMATCH where the same bytes came damaged from the registry twice. */
export async function learn(
  session: PullSession,
  detour: Detour,
  { lessons, plan, metadata }: { lessons: Lessons; plan: FetchPlan; metadata: readonly LayerMetadata[] },
): Promise<void> {
  const { layer } = detour;
  if (detour.kind === 'inconsistent') {
    return takeWhole(session, lessons, {
      layer,
      reason: `its parts do not make up the layer (${detour.reason})`,
    });
  }
  const planned = plan.layers[layer];
  const described = metadata[layer];
  if (detour.found.blob && planned?.kind === 'plain') {
    const digest = session.layers[layer]?.digest ?? '';
    await discardDamaged(session, lessons, {
      form: 'blob',
      digest,
      fresh: planned.groups.length > 0,
      layer,
      reason: detour.reason,
    });
  }
  if (planned?.kind !== 'chunked' || described?.kind !== 'chunked') return;
  if (detour.found.tarSplit) await learnTarSplit(session, lessons, { layer, described });
  for (const chunk of detour.found.chunks) {
    const digest = digestOfKey(digestKey(described.table.digests, chunk));
    const fresh = planned.sources.groups[chunk] !== -1;
    await discardDamaged(session, lessons, { form: 'frame', digest, fresh, layer, reason: detour.reason });
  }
}

interface Damage {
  readonly form: 'frame' | 'blob';
  readonly digest: string;
  /** From the network in this attempt, rather than from the store. */
  readonly fresh: boolean;
  readonly layer: number;
  readonly reason: string;
}

/** The same wrong bytes twice: of a blob, it is damaged at the registry; of a chunk, the TOC may lie, which the whole layer shows. */
async function discardDamaged(session: PullSession, lessons: Lessons, damage: Damage): Promise<void> {
  const { form, digest, fresh, layer, reason } = damage;
  const what =
    form === 'blob' ? `layer ${digest}` : `chunk ${digest} of layer ${session.layers[layer]?.digest}`;
  const again = fresh && lessons.refetched.has(`${form} ${digest}`);
  if (again && form === 'frame')
    return takeWhole(session, lessons, { layer, reason: `${what} does not match its digest` });
  if (again) {
    const message = `${what} from ${session.source.name} does not match its digest, fetched twice (${reason})`;
    throw new PullError('DIGEST_MISMATCH', message);
  }
  if (fresh) lessons.refetched.add(`${form} ${digest}`);
  const where = fresh ? 'arrived damaged' : 'was damaged in the cache';
  warn(session, `${what} ${where} and is fetched again`);
  const hex = digest.slice('sha256:'.length);
  session.store.forget(form, digestKeyOfHex(hex));
  await session.staging.drop(form, hex);
}

async function learnTarSplit(
  session: PullSession,
  lessons: Lessons,
  { layer, described }: { layer: number; described: LayerMetadata & { kind: 'chunked' } },
): Promise<void> {
  const { digest } = described.tarSplit;
  const hex = digest ? digestHex(digest) : '';
  const cached = digest !== undefined && session.store.isStored('blob', digestKeyOfHex(hex));
  if (digest) session.store.forget('blob', digestKeyOfHex(hex));
  await session.staging.drop('blob', hex);
  if (cached)
    warn(
      session,
      `the tar-split of layer ${session.layers[layer]?.digest} was damaged in the cache and is fetched again`,
    );
  else takeWhole(session, lessons, { layer, reason: 'its tar-split does not match its digest' });
}

function takeWhole(
  session: PullSession,
  lessons: Lessons,
  { layer, reason }: { layer: number; reason: string },
): void {
  if (lessons.whole.has(layer)) return;
  lessons.whole.set(layer, reason);
  warn(session, `layer ${session.layers[layer]?.digest} is fetched whole: ${reason}`);
}
