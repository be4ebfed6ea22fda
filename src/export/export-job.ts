// The export job: writes the streams of an image, as another thread decodes them, to a layout or an archive.
import { join } from 'node:path';
import { toErrorData } from '../errors.ts';
import { type AppliedLayer, contentsOf } from '../unpack/apply.ts';
import type { LayerFailure, LayerOutcome, UnpackEvent, UnpackedImage, UnpackJob } from '../unpack/job.ts';
import { DEFAULT_LIMITS } from '../unpack/limits.ts';
import { type ImageOutput, OUTPUT_NAME } from '../unpack/output.ts';
import { RingReader } from '../unpack/ring.ts';
import { createDockerExporter } from './docker-archive.ts';
import type { Exporter, LayerNames } from './exporter.ts';
import { createTarExporter } from './flat-tar.ts';
import { archiveFiles, directoryFiles } from './image-files.ts';
import { createLayoutExporter } from './layout.ts';
import { planPasses } from './passes.ts';

export interface ExportJob extends Pick<UnpackJob, 'root' | 'limits'> {
  readonly output: ImageOutput;
  readonly layers: readonly (LayerNames & AppliedLayer & { readonly kind: 'plain' | 'chunked' })[];
  /** Of the tar streams; it tells as well when all is proven. */
  readonly ring: SharedArrayBuffer;
  /** Of the layers as they are stored. */
  readonly stored: SharedArrayBuffer;
}

/** As applyLayers: what is left to do once all is proven is none of a layer's. */
export async function exportLayers(
  job: ExportJob,
  report: (event: UnpackEvent) => void,
): Promise<UnpackedImage | LayerFailure> {
  const { reads, passes } = planPasses(job.output.format, job.layers);
  const proof = new RingReader(job.ring, 'apply');
  const ring = reads === 'stored' ? new RingReader(job.stored, 'apply') : proof;
  const exporter = createExporter(job, reads === 'stored');
  const outcomes: LayerOutcome[] = [];
  try {
    for (let stream = 0; stream < passes * job.layers.length; stream++) {
      const layer = stream % job.layers.length;
      const started = performance.now();
      try {
        exporter.beginLayer(layer, contentsOf(job.layers[layer] ?? {}));
        ring.readStream((bytes) => exporter.write(bytes));
        const entries = exporter.endLayer();
        ring.endStream();
        const before = outcomes[layer] ?? { entries, milliseconds: 0 };
        outcomes[layer] = { ...before, milliseconds: before.milliseconds + performance.now() - started };
        if (stream < job.layers.length) report({ layer, entries });
      } catch (error) {
        return { kind: 'failed', layer, error: toErrorData(error) };
      }
    }
    try {
      proof.waitForProof();
    } catch (error) {
      return { kind: 'failed', layer: undefined, error: toErrorData(error) };
    }
    const { skipped } = exporter.finish();
    const entries = outcomes.reduce((sum, outcome) => sum + outcome.entries, 0);
    const written = { manifestKept: reads === 'stored' };
    return { kind: 'done', layers: outcomes, report: { entries, skipped }, written };
  } finally {
    exporter.abort();
  }
}

function createExporter({ root, limits, output, layers }: ExportJob, keepsManifest: boolean): Exporter {
  const path = join(root, OUTPUT_NAME);
  const options = { path, output, layers, limits: { ...DEFAULT_LIMITS, ...limits } };
  switch (output.format) {
    case 'oci-layout':
      return createLayoutExporter(options, directoryFiles(path), keepsManifest);
    case 'oci-archive':
      return createLayoutExporter(options, archiveFiles(path), keepsManifest);
    case 'docker-archive':
      return createDockerExporter(options, archiveFiles(path));
    case 'tar':
      return createTarExporter(options);
  }
}
