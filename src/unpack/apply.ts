// The apply job: unpacks the tar streams of an image, as another thread decodes them, into a directory.
import { toErrorData } from '../errors.ts';
import { type PackedEntries, unpackEntries } from '../layer/packed-entries.ts';
import { createTarReader } from '../tar/reader.ts';
import type { LayerFailure, LayerOutcome, MissingFiles, UnpackEvent, UnpackedImage } from './job.ts';
import type { KeptEntries } from './node-maker.ts';
import { withoutOwnFiles } from './own-files.ts';
import { RingReader } from './ring.ts';
import { createTocReader } from './toc-reader.ts';
import { createUnpacker, type LayerContents, type UnpackOptions } from './unpacker.ts';

export interface ApplyJob extends UnpackOptions {
  readonly ring: SharedArrayBuffer;
  readonly layers: readonly AppliedLayer[];
}

/** What the thread that writes files has to know of a layer besides what comes through the ring. */
export interface AppliedLayer {
  readonly kept?: KeptEntries | undefined;
  /** See LayerInput. */
  readonly isStargz?: boolean | undefined;
  /** See ChunkedInput. */
  readonly entries?: PackedEntries | undefined;
}

/**
 * Files that are missing at the end are told once all streams are proven: before that, anything may be said to be missing.
 * The last touches wait until all streams are proven. A failure of these is thrown: it is not a layer's. That there will be no
 * proof is none of them: whoever has stopped the ring has a reason to tell.
 */
export async function applyLayers(
  job: ApplyJob,
  report: (event: UnpackEvent) => void,
): Promise<UnpackedImage | MissingFiles | LayerFailure> {
  const unpacker = createUnpacker(job);
  const ring = new RingReader(job.ring, 'apply');
  const layers: LayerOutcome[] = [];
  try {
    for (const [layer, applied] of job.layers.entries()) {
      const started = performance.now();
      try {
        unpacker.beginLayer(layer, contentsOf(applied));
        ring.readStream((bytes) => unpacker.write(bytes));
        const { entries } = unpacker.endLayer();
        ring.endStream();
        layers.push({ entries, milliseconds: performance.now() - started });
        report({ layer, entries });
      } catch (error) {
        return { kind: 'failed', layer, error: toErrorData(error) };
      }
    }
    try {
      ring.waitForProof();
    } catch (error) {
      return { kind: 'failed', layer: undefined, error: toErrorData(error) };
    }
    const entries = unpacker.prune();
    if (entries.length > 0) return { kind: 'missing', entries };
    return { kind: 'done', layers, report: await unpacker.finish() };
  } finally {
    unpacker.abort();
  }
}

export function contentsOf({ kept, isStargz, entries }: AppliedLayer): LayerContents {
  if (entries && kept) {
    const layer = { entries: unpackEntries(entries), flags: kept.flags };
    return { kept, createReader: (handler) => createTocReader(layer, handler) };
  }
  if (!isStargz) return { kept };
  return { kept, createReader: (handler) => createTarReader(withoutOwnFiles(handler)) };
}
