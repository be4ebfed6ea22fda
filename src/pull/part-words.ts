// What share of an image was needed, in words.
import { formatBytes, percent } from '../progress/figures.ts';
import type { UnpackedPart } from '../unpack/unpacker.ts';

/** Without a full stop. Bytes of files, uncompressed: the only measure that layers of all kinds have. */
export function describePart({ bytesRead, bytesWritten }: UnpackedPart): string {
  const share = percent(bytesWritten, bytesRead);
  return `needed: ${formatBytes(bytesWritten)} of ${formatBytes(bytesRead)} of files in all layers (${share})`;
}
