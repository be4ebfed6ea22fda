// What settings name, checked before anything is asked: a slip in them is told as such.
import { mirrorsFromInput } from '../hosts/mirror-input.ts';
import { asSeedError, type LocalImage } from '../oci/image-name.ts';
import { parseReference } from '../oci/reference.ts';
import { checkThere } from '../source/local-source.ts';

const ANY = parseReference('any');

/** As written. Throws INPUT_INVALID for any that cannot be used, whatever registry it is for. */
export function checkMirrors(lines: readonly string[]): readonly string[] {
  mirrorsFromInput(lines, ANY);
  return lines;
}

/** With absolute paths. Throws LAYOUT_INVALID for one where there is nothing. */
export function checkSeeds(seeds: readonly LocalImage[]): readonly LocalImage[] {
  try {
    for (const seed of seeds) checkThere(seed);
    return seeds;
  } catch (error) {
    throw asSeedError(error);
  }
}
