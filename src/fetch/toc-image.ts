// The image that stands beside an image and holds the tables of contents of its eStargz layers, where they are not in the layers.
// https://github.com/containerd/stargz-snapshotter/blob/main/docs/smaller-estargz.md
import { type ErrorCode, PullError } from '../errors.ts';
import { MAX_METADATA_BYTES } from '../layer/annotations.ts';
import type { Descriptor } from '../oci/descriptor.ts';
import type { Digest } from '../oci/digest.ts';
import { parseManifest } from '../oci/manifest.ts';
import type { ImageSource } from '../source/source.ts';

/** Behind the tag of the image. */
const TAG_SUFFIX = '-esgztoc';
/** https://github.com/opencontainers/distribution-spec/blob/main/spec.md#pulling-manifests */
const MAX_TAG_LENGTH = 128;
/** Of a descriptor of the TOC image: the layer whose TOC it is. */
const LAYER_DIGEST = 'containerd.io/snapshot/stargz/layer.digest';
const MAX_MESSAGE_LENGTH = 200;

export type TocPlace =
  /** Not empty, and no larger than MAX_METADATA_BYTES. What it holds proves nothing until it has been read. */
  | { readonly kind: 'found'; readonly descriptor: Descriptor }
  /** `reason`: as in LayerMetadata. */
  | { readonly kind: 'none'; readonly reason: string };

export interface TocImage {
  /** `layer`: digest of the compressed layer. Throws ABORTED, and what is no fault of the source. */
  find(layer: Digest): Promise<TocPlace>;
}

/** `tag`: of the image, also where a digest decides what is pulled. Nothing is asked for yet, and never more than once. */
export function openTocImage(
  source: Pick<ImageSource, 'name' | 'manifest'>,
  tag: string | undefined,
): TocImage {
  let asked: Promise<readonly Descriptor[] | string> | undefined;
  return {
    find: async (layer) => {
      asked ??= askFor(source, tag);
      const tocs = await asked;
      return typeof tocs === 'string' ? { kind: 'none', reason: tocs } : pick(tocs, layer);
    },
  };
}

function pick(tocs: readonly Descriptor[], layer: Digest): TocPlace {
  const descriptor = tocs.find(({ annotations }) => annotations[LAYER_DIGEST] === layer);
  if (!descriptor)
    return { kind: 'none', reason: 'its TOC is in another image, and that does not name the layer' };
  const isUsable = descriptor.size > 0 && descriptor.size <= MAX_METADATA_BYTES;
  return isUsable
    ? { kind: 'found', descriptor }
    : { kind: 'none', reason: 'its TOC is too large, or empty' };
}

/** What the image names, or why it cannot be asked. */
async function askFor(
  source: Pick<ImageSource, 'name' | 'manifest'>,
  tag: string | undefined,
): Promise<readonly Descriptor[] | string> {
  const wanted = `${tag}${TAG_SUFFIX}`;
  if (tag === undefined || wanted.length > MAX_TAG_LENGTH)
    return 'its TOC is in another image, which is found by the tag of this one alone';
  try {
    const { bytes, mediaType } = await source.manifest(wanted, undefined, 'brief');
    const manifest = parseManifest(bytes, mediaType, `manifest ${wanted} of ${source.name}`);
    return manifest.kind === 'image' ? manifest.layers : `its TOC is in ${wanted}, which is no single image`;
  } catch (error) {
    if (!isUnavailable(error)) throw error;
    return whyNot(error, wanted);
  }
}

/** `wanted`: what the TOC is in. */
export function whyNot({ code, message }: PullError, wanted: string): string {
  if (code === 'NOT_FOUND') return `its TOC is in ${wanted}, which is not there`;
  const fact = message.length > MAX_MESSAGE_LENGTH ? `${message.slice(0, MAX_MESSAGE_LENGTH)}…` : message;
  return `its TOC is in ${wanted}, which cannot be had: ${fact}`;
}

const NOT_THE_SOURCE: ReadonlySet<ErrorCode> = new Set([
  'ABORTED',
  'DISK_FULL',
  'INTERNAL',
  'STORE_FAILED',
  'WORKER_EXITED',
]);

/** Does the source not have something, or not give it? The layer can do without. */
export function isUnavailable(error: unknown): error is PullError {
  return error instanceof PullError && !NOT_THE_SOURCE.has(error.code);
}
