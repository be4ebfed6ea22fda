// Several images, or one for several platforms, in one step: what to pull, and where each of them goes.
import { basename } from 'node:path';
import { PullError } from '../errors.ts';
import { type ImageName, parseImageName } from '../oci/image-name.ts';
import { quote } from '../oci/json.ts';
import { formatPlatform, hostPlatform, type Platform, parsePlatform } from '../oci/platform.ts';
import { configPath, skippedPath } from '../pull/destination-publish.ts';
import { recordPath } from '../pull/destination-record.ts';
import { defaultDestination, formOf } from '../pull/formats.ts';
import type { Format } from '../pull/options.ts';

/** The state of each pull is an environment variable of the post phase; those of all of them have to fit into its environment. */
export const MAX_TARGETS = 64;
const NAMED = /^([A-Za-z0-9][A-Za-z0-9._-]{0,99})=(.*)$/s;
/** As what may stand before an equals sign; a repository may be longer. */
const DERIVED = /^[A-Za-z0-9][A-Za-z0-9._-]*$/;
const OWN_NAME = 'Put a name of your own and = before each image: name=registry/repository:tag.';

/** One pull. */
export interface Target {
  readonly image: ImageName;
  /** The image as it was written. */
  readonly text: string;
  readonly platform: Platform;
  /** Where it goes, below the destination of the step; `.` where it is the only one. No two of a step lie in one another. */
  readonly place: string;
}

/** As written: one image a line, perhaps with `name=` before it; platforms on lines or between commas. */
export interface TargetWishes {
  readonly image: string;
  readonly platform: string;
  readonly format: Format;
}

/** Every image for every platform, in the order they were written. Throws INPUT_INVALID, REFERENCE_INVALID. */
export function parseTargets({ image, platform, format }: TargetWishes): readonly Target[] {
  const images = split(image, '\n').map(parseImageLine);
  if (images.length === 0) throw new PullError('INPUT_INVALID', 'the input image is missing');
  const platforms = split(platform, /[\n,]/).map(parsePlatform);
  if (platforms.length === 0) platforms.push(hostPlatform(process.arch));
  const isAlone = images.length === 1 && images[0]?.name === undefined;
  const targets = images.flatMap((each) =>
    platforms.map((wanted) => {
      const names = isAlone ? [] : [each.name ?? nameOf(each.image)];
      if (platforms.length > 1) names.push(formatPlatform(wanted).replaceAll('/', '-'));
      return { image: each.image, text: each.text, platform: wanted, place: names.join('/') };
    }),
  );
  checkTargets(targets);
  return targets.map((target) => ({ ...target, place: withEnding(target.place, format) }));
}

/** Relative, for a step that says nothing of it. With several targets it is the directory that holds them all. */
export function destinationFor(targets: readonly Target[], format: Format): string {
  const isAlone = targets.length === 1 && targets[0]?.place === '.';
  return isAlone || format === 'rootfs' ? defaultDestination(format) : 'image';
}

function split(text: string, separator: string | RegExp): string[] {
  return text
    .split(separator)
    .map((part) => part.trim())
    .filter(Boolean);
}

function parseImageLine(line: string) {
  const [, name, rest] = NAMED.exec(line) ?? [];
  const text = rest ?? line;
  return { image: parseImageName(text), text, name };
}

/** The last part of its repository, or of its path. Throws INPUT_INVALID where that is no name of a place. */
function nameOf(image: ImageName): string {
  if (image.kind === 'registry') return basename(image.reference.repository);
  const name = basename(image.path).replace(/\.(?:tar|tgz|tar\.\w+)$/, '') || 'image';
  if (DERIVED.test(name)) return name;
  throw new PullError(
    'INPUT_INVALID',
    `${quote(name)} is no name for where the image ${quote(image.path)} goes`,
    {
      hint: OWN_NAME,
    },
  );
}

function withEnding(place: string, format: Format): string {
  if (place === '') return '.';
  return formOf(format) === 'file' ? `${place}.tar` : place;
}

function checkTargets(targets: readonly Target[]): void {
  if (targets.length > MAX_TARGETS)
    throw new PullError(
      'INPUT_INVALID',
      `${targets.length} images are more than the ${MAX_TARGETS} that one step can pull`,
      { hint: 'Use several steps, or a matrix.' },
    );
  const seen = new Set<string>();
  for (const { place } of targets) {
    // Not all file systems tell upper case from lower case.
    const key = place.toLowerCase();
    const names = [key, configPath(key), skippedPath(key), recordPath(key)];
    if (names.some((name) => seen.has(name)))
      throw new PullError('INPUT_INVALID', `two images of this step would go to ${quote(place)}`, {
        hint: OWN_NAME,
      });
    for (const name of names) seen.add(name);
  }
}
