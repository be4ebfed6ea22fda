// The size that a chunk store may have, as a user may set it.
import { PullError } from '../errors.ts';
import { quote } from '../oci/json.ts';
import { parseSize } from './limits.ts';

/** A few large images in several versions. */
export const DEFAULT_STORE_SIZE = '20GiB';

/** In bytes; undefined: it may grow. `where`: how the user knows the setting. Throws INPUT_INVALID. */
export function parseStoreSize(text: string, where: string): number | undefined {
  if (text === 'unlimited') return undefined;
  const bytes = parseSize(text);
  if (bytes !== undefined) return bytes;
  throw new PullError(
    'INPUT_INVALID',
    `${where} is ${quote(text)}; it must be a whole number of bytes, perhaps with KiB, MiB, GiB or TiB behind it, or unlimited`,
    { hint: 'Write for example 50GiB, 0 or unlimited.' },
  );
}
