// What a pull may make of an image, and what an output has to know of it.
import { PullError } from '../errors.ts';
import type { ImageName } from '../oci/image-name.ts';
import { parseReference, type Reference, repositoryName } from '../oci/reference.ts';
import type { ImageOutput, OutputFormat } from '../unpack/output.ts';
import { choose } from './choice.ts';
import {
  ENGINES,
  type Engine,
  FORMATS,
  type Format,
  type OwnershipChoice,
  type Verification,
} from './options.ts';
import type { ResolvedImage } from './resolve.ts';
import type { PullResult } from './result.ts';

/** As it was written; empty: not at all. */
export interface FormatWishes {
  readonly format: string;
  readonly load: string;
  readonly paths: readonly string[];
  readonly verify: Verification;
  readonly ownership: OwnershipChoice;
}

/** `name`: how the user knows a setting. Throws INPUT_INVALID for what does not go together. */
export function parseFormat(
  wishes: FormatWishes,
  name: (setting: 'format' | 'load' | 'paths' | 'verify' | 'ownership') => string,
): { format: Format; load: Engine | undefined } {
  const load = wishes.load === '' ? undefined : choose(wishes.load, ENGINES, name('load'));
  const format = choose(wishes.format || (load ? 'docker-archive' : 'rootfs'), FORMATS, name('format'));
  if (load && format !== 'docker-archive')
    throw invalid(`${name('load')} takes a docker-archive, and ${name('format')} is ${format}`);
  if (format === 'rootfs') return { format, load };
  const [isPart, isToc] = [wishes.paths.length > 0, wishes.verify === 'toc'];
  if (wishes.ownership === 'runner')
    throw invalid(
      `${name('ownership')} runner is for root file systems: ${format} holds the owners of the image`,
    );
  if (isPart) throw invalid(`${name('paths')} is for root file systems, and ${name('format')} is ${format}`);
  if (isToc)
    throw invalid(
      `${name('verify')} toc is for root file systems: ${format} takes every layer whole and proves its diff_id`,
    );
  return { format, load };
}

function invalid(message: string): PullError {
  return new PullError('INPUT_INVALID', message, { hint: 'Leave out one of the two.' });
}

/** Relative. */
export function defaultDestination(format: Format): string {
  return { tree: 'rootfs', directory: 'image', file: 'image.tar' }[formOf(format)];
}

/** What stands at the destination afterwards. */
export function formOf(format: Format): 'tree' | 'directory' | 'file' {
  if (format === 'rootfs') return 'tree';
  return format === 'oci-layout' ? 'directory' : 'file';
}

export function outputOf(format: OutputFormat, image: ResolvedImage, name: ImageName): ImageOutput {
  const { digest, manifest, manifestBytes, configBytes } = image;
  return {
    format,
    manifest: { bytes: manifestBytes, digest, mediaType: manifest.mediaType },
    config: { bytes: configBytes, digest: manifest.config.digest, mediaType: manifest.config.mediaType },
    ...namesOf(name),
  };
}

type Names = Pick<ImageOutput, 'tag' | 'fullName' | 'repoTags'>;

function namesOf(name: ImageName): Names {
  if (name.kind === 'registry') return namesOfReference(name.reference);
  const isName = name.name !== undefined && !name.name.startsWith('@');
  if (name.kind !== 'docker-archive') return { tag: isName ? name.name : undefined, repoTags: [] };
  return isName ? namesOfReference(parseReference(name.name ?? '')) : { tag: undefined, repoTags: [] };
}

/** Without what goes without saying, as Docker shows names. */
function namesOfReference(reference: Reference): Names {
  const { tag } = reference;
  if (tag === undefined) return { tag, repoTags: [] };
  const repository = repositoryName(reference);
  const familiar = repository.replace(/^docker\.io\/(?:library\/(?=[^/]+$))?/, '');
  return { tag, fullName: `${repository}:${tag}`, repoTags: [`${familiar}:${tag}`] };
}

/** What is to be told of another format than a root file system, a sentence each. */
export function describeFormat({ format = 'rootfs', manifestKept, loaded }: PullResult): string[] {
  if (format === 'rootfs') return [];
  const kept =
    manifestKept === undefined
      ? ''
      : manifestKept
        ? ', manifest and layers as in the registry'
        : ', layers uncompressed and the manifest made anew, because not all layers came whole';
  return [`format: ${format}${kept}`, ...(loaded ? [`loaded into ${loaded}`] : [])];
}
