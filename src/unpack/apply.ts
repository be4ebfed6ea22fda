// The apply job: unpacks the tar streams of an image, as another thread decodes them, into a directory.
import { toErrorData } from '../errors.ts';
import type { LayerFailure, LayerOutcome, UnpackEvent, UnpackedImage } from './job.ts';
import { RingReader } from './ring.ts';
import { createUnpacker, type UnpackOptions } from './unpacker.ts';

export interface ApplyJob extends UnpackOptions {
  readonly ring: SharedArrayBuffer;
  readonly layerCount: number;
}

/**
 * The last touches wait until all streams are proven. A failure of these is thrown: it is not a layer's. That there will be no
 * proof is none of them: whoever has stopped the ring has a reason to tell.
 */
export async function applyLayers(
  job: ApplyJob,
  report: (event: UnpackEvent) => void,
): Promise<UnpackedImage | LayerFailure> {
  const unpacker = createUnpacker(job);
  const ring = new RingReader(job.ring, 'apply');
  const layers: LayerOutcome[] = [];
  try {
    for (let layer = 0; layer < job.layerCount; layer++) {
      const started = performance.now();
      try {
        unpacker.beginLayer(layer);
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
    return { kind: 'done', layers, report: await unpacker.finish() };
  } finally {
    unpacker.abort();
  }
}
