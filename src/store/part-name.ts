// Names for bytes whose digest nobody knows beforehand: by where they stand in a layer.
import type { ByteRange } from '../bytes/range.ts';
import { digestOf } from '../integrity/hash.ts';

/** Of a part, for the store: lowercase hex. `layer`: digest of the compressed layer. The text is described in docs/formats.md. */
export function partName(layer: string, { start, end }: ByteRange): string {
  return digestOf(Buffer.from(`${layer} ${start} ${end}`)).slice('sha256:'.length);
}
