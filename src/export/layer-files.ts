// The layers of an image as files, one after the other.
import type { UnpackLimits } from '../unpack/limits.ts';
import { Quota } from '../unpack/quota.ts';
import type { Exporter } from './exporter.ts';
import type { ImageFiles } from './image-files.ts';

export interface LayerFiles extends Pick<Exporter, 'beginLayer' | 'write' | 'endLayer'> {
  /** By name, of the files that are complete. */
  readonly sizes: ReadonlyMap<string, number>;
}

/** `names`: of the files, by layer. The same layer may stand in an image twice, and is written once. */
export function createLayerFiles(
  files: ImageFiles,
  names: readonly string[],
  limits: UnpackLimits,
): LayerFiles {
  const quota = new Quota(limits);
  const sizes = new Map<string, number>();
  let open: string | undefined;
  return {
    sizes,
    beginLayer: (index) => {
      const name = names[index] ?? '';
      open = files.has(name) ? undefined : name;
      if (open !== undefined) files.begin(open);
    },
    write: (bytes) => {
      quota.countStream(bytes.length);
      if (open !== undefined) files.write(bytes);
    },
    endLayer: () => {
      if (open !== undefined) sizes.set(open, files.end());
      return 0;
    },
  };
}
