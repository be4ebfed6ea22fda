// One file becomes an entry: a place is reserved, its bytes are uploaded, then it is finalized.
import type { SaveOutcome, SaveRequest } from '../blob-cache.ts';
import { MAX_PACK_BYTES } from '../head.ts';
import { entryVersion } from './entry-version.ts';
import { CacheFault } from './fault.ts';
import type { Transport } from './http.ts';
import { patienceUntil } from './retry.ts';
import type { CacheService, Call, FoundEntry } from './service.ts';
import type { Slots } from './slots.ts';
import { uploadFile } from './upload.ts';
import { withFile } from './whole.ts';

/** Without a deadline of its own a save waits no longer for a service that asks for patience. */
const SAVE_PATIENCE_MS = 60_000;

export interface SaveContext {
  readonly mayWrite: boolean;
  readonly service: CacheService;
  readonly transport: Transport;
  readonly slots: Slots;
  /** Multiplies every wait. */
  readonly scale: number;
  /** The newest entry whose key starts with one of `prefixes`. Throws CacheFault. */
  readonly find: (name: string, prefixes: readonly string[]) => Promise<FoundEntry | undefined>;
  readonly signal: AbortSignal;
}

/** Throws CacheFault, and what reading the file throws. */
export async function saveEntry(request: SaveRequest, context: SaveContext): Promise<SaveOutcome> {
  const { name, key, file, deadline = Date.now() + SAVE_PATIENCE_MS } = request;
  const { mayWrite, service, signal } = context;
  if (!mayWrite) throw new CacheFault('denied', 'the workflow does not let this job write');
  return withFile(file, 'r', async (handle) => {
    const { size } = await handle.stat();
    if (size > MAX_PACK_BYTES) throw new CacheFault('limit', `a file of ${size} bytes is too large`);
    if (await isEquivalent(request, context)) return { kind: 'exists' };
    const call = { signal, patience: patienceUntil(deadline) };
    const url = await service.reserve(key, entryVersion(name), call);
    if (!url) return { kind: 'taken' };
    const { transport, slots, scale } = context;
    await uploadFile({ ...call, transport, slots, scale, url }, handle, size);
    await finalize(request, size, call, context);
    return { kind: 'saved' };
  });
}

/** Whoever cannot look may still write: that reads are limited or forbidden says nothing about writes. */
async function isEquivalent(
  { name, equivalents, key }: SaveRequest,
  { find }: SaveContext,
): Promise<boolean> {
  if (equivalents.length === 0) return false;
  try {
    return (await find(name, [key, ...equivalents])) !== undefined;
  } catch (error) {
    if (!(error instanceof CacheFault) || error.reason === 'protocol') throw error;
    return false;
  }
}

/** Where the answer to a first try was lost, the second one is refused though the entry stands. */
async function finalize(
  { name, key }: SaveRequest,
  size: number,
  call: Call,
  { service, find }: SaveContext,
): Promise<void> {
  try {
    await service.finalize(key, entryVersion(name), size, call);
  } catch (error) {
    if (!(error instanceof CacheFault) || error.reason !== 'refused') throw error;
    const found = await find(name, [key]).catch(() => undefined);
    if (found?.key !== key) throw error;
  }
}
