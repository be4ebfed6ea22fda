// Tells what is going to happen to each layer and why, and afterwards, for whoever looks for a fault, what it cost.
import type { LayerMetadata } from '../fetch/layer-metadata.ts';
import type { Descriptor } from '../oci/descriptor.ts';
import type { FetchPlan } from '../plan/fetch-plan.ts';
import { count, formatBytes, formatDuration } from '../progress/figures.ts';
import { isLocal } from './live-packs.ts';
import { type Finished, formatName, isChunked } from './report.ts';
import type { PullSession } from './session.ts';

/** `attempt`: from 1 on. Later ones are told only of layers that something is fetched of. */
export function announcePlan(
  { options, layers, tallies }: PullSession,
  plan: FetchPlan,
  metadata: readonly LayerMetadata[],
  attempt: number,
): void {
  const isAgain = attempt > 1;
  const groups = Map.groupBy(plan.groups, ({ layer }) => layer);
  plan.bytes.forEach(({ missing, cached }, index) => {
    if (isAgain && missing === 0) return;
    const isNew = missing > 0 || (tallies[index]?.bytes ?? 0) > 0;
    const how = metadata[index]?.kind === 'chunked' ? 'ranges' : 'whole';
    const way = isLocal(plan, index) ? 'local' : isNew ? how : 'cached';
    const [descriptor, layer] = [layers[index], metadata[index]];
    const digest = descriptor?.digest ?? '';
    const reason = way === 'whole' && descriptor && layer ? reasonOf(descriptor, layer) : undefined;
    const ranges = groups.get(index)?.length ?? 0;
    const why = reason === undefined ? {} : { reason };
    const more = isAgain ? { isAgain } : {};
    options.emit({ kind: 'layer', index, digest, way, ranges, ...why, missing, cached, ...more });
  });
  options.emit({ kind: 'debug', message: describePlan(plan) });
  const received = tallies.reduce((sum, { bytes }) => sum + bytes, 0);
  // Before the first plan nothing else has come.
  if (!isAgain && received > 0)
    options.emit({
      kind: 'info',
      message: `besides ${formatBytes(received)} of tables of contents, fetched already`,
    });
  const missing = plan.bytes.reduce((sum, layer) => sum + layer.missing, 0);
  options.emit({ kind: 'planned', bytes: received + missing });
}

/** Why a layer comes whole. Of one that was never looked at its media type tells, as in the report. */
function reasonOf(descriptor: Descriptor, metadata: LayerMetadata): string | undefined {
  if (metadata.kind !== 'plain') return undefined;
  if (metadata.reason !== undefined) return metadata.reason;
  if (!isChunked(descriptor, metadata)) return `${formatName(descriptor.mediaType, false)} has no parts`;
  return metadata.chunked && 'next to nothing of it is at hand';
}

function describePlan({ groups, chunks, files }: FetchPlan): string {
  const requested = groups.reduce((sum, { range }) => sum + range.end - range.start, 0);
  const kept = groups.reduce((sum, { keptBytes }) => sum + keptBytes, 0);
  const packs = new Set(groups.map(({ pack }) => pack)).size;
  return [
    `plan: ${count(groups.length, 'range')} of ${formatBytes(requested)}, of which ${formatBytes(kept)} are kept`,
    `${count(chunks.length, 'new chunk')} in ${count(packs, 'pack')}`,
    `${count(files.length, 'file')} to read from`,
  ].join(', ');
}

/** What each layer cost on the wire and on the threads. */
export function announceTallies({ options, tallies, source }: PullSession, { layers }: Finished): void {
  layers.forEach(({ entries, milliseconds }, index) => {
    const { requests = 0, ranges = 0, bytes = 0 } = tallies[index] ?? {};
    const wire = `${count(requests, 'request')}, ${ranges} answered with just the range, ${formatBytes(bytes)} received`;
    const work = `${entries} entries unpacked in ${formatDuration(milliseconds)}`;
    options.emit({ kind: 'debug', message: `layer ${index + 1}: ${wire}; ${work}` });
  });
  const link = source.link?.();
  if (!link) return;
  const { roundTripMs, bytesPerSecond } = link;
  const rate = bytesPerSecond === undefined ? '' : `, ${formatBytes(bytesPerSecond)}/s`;
  options.emit({ kind: 'debug', message: `link: ${formatDuration(roundTripMs)} to an answer${rate}` });
}
