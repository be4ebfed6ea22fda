// Names for bytes whose digest nobody knows beforehand: by where they stand in a layer, or by what they are for.
import type { ByteRange } from '../bytes/range.ts';
import { digestOf } from '../integrity/hash.ts';

/** Of a part, for the store: lowercase hex. `layer`: digest of the compressed layer. The text is described in docs/formats.md. */
export function partName(layer: string, { start, end }: ByteRange): string {
  return digestOf(Buffer.from(`${layer} ${start} ${end}`)).slice('sha256:'.length);
}

/** Of a table of contents that stands in another image than its layer; as partName. `json`: digest of what it decodes to. */
export function outsideTocName(layer: string, json: string): string {
  return digestOf(Buffer.from(`${layer} ${json}`)).slice('sha256:'.length);
}
