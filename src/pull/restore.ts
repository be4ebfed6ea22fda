// Brings from the remote cache what may help with the image: what the manifest says is needed first, the rest once the tables of contents
// have told which chunks are.
import type { IsNeeded } from '../cache/pack-contents.ts';
import type { RestoreReport } from '../cache/session.ts';
import type { LayerMetadata } from '../fetch/layer-metadata.ts';
import { chunkCount, digestKey } from '../layer/chunk-table.ts';
import { detectDialect } from '../layer/dialect.ts';
import type { Descriptor } from '../oci/descriptor.ts';
import { digestHex } from '../oci/digest.ts';
import { digestKeyOfHex } from '../oci/digest-key.ts';
import { packsDirectory } from '../store/places.ts';
import { prepareStore } from '../store/prepare.ts';
import type { Access } from './access.ts';
import type { PullOptions } from './options.ts';
import { readMetadata } from './prepare.ts';
import type { PullSession } from './session.ts';

export async function restorePacks(
  options: PullOptions,
  { image, caching }: Access,
): Promise<RestoreReport | undefined> {
  const { repository, digest, platform } = image;
  const { layers } = image.manifest;
  const compressedSize = layers.reduce((sum, layer) => sum + layer.size, 0);
  options.emit({
    kind: 'resolved',
    image: `${repository}@${digest}`,
    platform,
    layers: layers.length,
    compressedSize,
  });
  if (!caching.cache) return undefined;
  options.emit({ kind: 'stage', stage: 'restore' });
  try {
    await prepareStore(options.storeDirectory);
  } catch {
    // The session will find that out, too, and tell.
    return undefined;
  }
  return caching.cache.restore(
    { repository, manifestDigest: digest, platform },
    packsDirectory(options.storeDirectory),
    isNamedBy(image.manifest.layers),
  );
}

/** What `begun` has left waiting, as far as the image needs it. Throws as readMetadata. */
export async function restoreRest(
  session: PullSession,
  begun: RestoreReport | undefined,
): Promise<RestoreReport | undefined> {
  const { arrivals, caching, store } = session;
  const { cache } = caching;
  if (caching.storeRead) await arrivals.showTo(store);
  if (!cache || !begun || begun.waiting === 0) return begun;
  const metadata = await readMetadata(session, new Map(), true);
  const needed = neededKeys(metadata);
  const isNeeded: IsNeeded = ({ hex }) => needed.has(digestKeyOfHex(hex));
  const report = await cache.restoreRest(isNeeded);
  await store.addPacks(report.packKeys);
  arrivals.expect(report.arriving);
  await arrivals.showTo(store);
  return report;
}

function isNamedBy(layers: readonly Descriptor[]): IsNeeded {
  const named = new Set(layers.flatMap(namesOf));
  return ({ form, hex }) => form === 'blob' && named.has(hex);
}

/** What the descriptor names of a layer: itself, and its table of contents. */
function namesOf(descriptor: Descriptor): string[] {
  const dialect = detectDialect(descriptor);
  const digests = [descriptor.digest, ...(dialect.kind === 'zstd-chunked' ? [dialect.toc.digest] : [])];
  return digests.flatMap((digest) => (digest?.startsWith('sha256:') ? [digestHex(digest)] : []));
}

function neededKeys(metadata: readonly LayerMetadata[]): Set<string> {
  const needed = new Set<string>();
  for (const layer of metadata) {
    if (layer.kind === 'chunked') for (const { hex } of layer.blobs) needed.add(digestKeyOfHex(hex));
    if (!layer.table) continue;
    for (let chunk = 0; chunk < chunkCount(layer.table); chunk++)
      needed.add(digestKey(layer.table.digests, chunk));
  }
  return needed;
}
