// Which packs hold something besides the pulled image. Where the store is shared by several repositories, that must not be uploaded.
import { digestKeyOfHex } from '../oci/digest-key.ts';
import type { PackEntry, PackTable } from '../store/pack-format.ts';
import type { SealedPack } from '../store/staging.ts';

/** Is this the name of something that the image has? `key`: the digest's 32 bytes as a latin1 string. */
export type IsOfImage = (form: PackEntry['form'], key: string) => boolean;

/**
 * Every byte of the pack has to be in something that the image has, or in one of its layers. What a member holds besides its chunk no
 * name tells: outside of such a layer it is the other image's.
 */
export function isMixed(pack: Pick<PackTable, 'all' | 'end'>, isOfImage: IsOfImage): boolean {
  let [reached, layerEnd] = [0, 0];
  for (const { form, hex, offset, compressedSize, innerOffset } of pack.all()) {
    const end = offset + compressedSize;
    const isWhole = innerOffset === undefined && isOfImage(form, digestKeyOfHex(hex));
    if (offset > reached || !(isWhole || end <= layerEnd)) return true;
    if (form === 'blob' && isWhole) layerEnd = Math.max(layerEnd, end);
    reached = Math.max(reached, end);
  }
  return reached < pack.end;
}

/** Of packs that were just made of copied chunks. `members`: digests of those that came, with what else is in their members, from others. */
export function holdsMember({ frames }: Pick<SealedPack, 'frames'>, members: ReadonlySet<string>): boolean {
  if (members.size === 0) return false;
  for (const { hex, innerOffset } of frames()) if (innerOffset !== undefined && members.has(hex)) return true;
  return false;
}
