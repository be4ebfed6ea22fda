// Pulls of a part of an image, from a layout: what is told of globs that are of no use.
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { fixtureLayout } from '../support/fixture-image.ts';
import { pullHere } from '../support/local-images.ts';
import { temporaryDirectories } from '../support/temporary.ts';

const temporary = temporaryDirectories();
const IMAGE = `oci:${fixtureLayout('zstd-chunked')}:v1`;

it.each([
  ['nothing where each is of use', ['etc/**', '!etc/passwd'], []],
  ['those that match nothing', ['etc/**', 'no/such'], ['nothing in the image matches "no/such"']],
  [
    'those that leave nothing out of what is wanted',
    ['etc/**', '!usr/**', '!no/such'],
    ['nothing is left out by "!usr/**", "!no/such"'],
  ],
])('warns of %s', async (_, paths, warnings) => {
  const destination = join(temporary(), 'made');
  const result = await pullHere(temporary(), IMAGE, { paths, destination });
  expect(result.warnings.filter((text) => text.startsWith('nothing '))).toEqual(warnings);
});
