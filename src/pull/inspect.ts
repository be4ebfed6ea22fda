// What an image is made of, and what it would cost to come to it from another one. Nothing but manifests and tables of contents is fetched.
import type { LayerMetadata } from '../fetch/layer-metadata.ts';
import { chunkCount } from '../layer/chunk-table.ts';
import { checkLoginForBoth } from './one-login.ts';
import { formatName } from './report.ts';
import type { LayerReport } from './result.ts';
import { type SurveyedImage, type SurveyedLayer, type SurveyOptions, surveyImage } from './survey.ts';
import { type LayerCost, updateCosts } from './update-cost.ts';

export interface InspectedLayer {
  readonly digest: string;
  /** Of its tar stream. */
  readonly diffId: string;
  readonly mediaType: string;
  readonly format: LayerReport['format'];
  /** In the registry, bytes. */
  readonly compressedSize: number;
  /** Absent for a layer that cannot be fetched in parts. */
  readonly chunks?: number;
  /** Why not, for one that claims that it can. */
  readonly reason?: string;
  /** Where another image was named. */
  readonly update?: LayerCost;
}

export interface InspectedImage {
  /** `registry/repository@digest` */
  readonly image: string;
  readonly platform: string;
  readonly digest: string;
  readonly indexDigest?: string;
  readonly layers: readonly InspectedLayer[];
  /** The image that the update starts from. */
  readonly from?: string;
}

/**
 * `from`: an image that the cache is thought to hold. Throws what resolving an image and fetching metadata throws, and INPUT_INVALID
 * for a login that would be good for only one of the two.
 */
export async function inspectImage(
  options: SurveyOptions,
  from: SurveyOptions['image'] | undefined,
): Promise<InspectedImage> {
  if (from) checkLoginForBoth(options, from);
  return await surveyImage(options, async (image) => {
    if (!from) return describe(image);
    return await surveyImage({ ...options, image: from }, async (older) => {
      const costs = updateCosts(older.layers, image.layers);
      return { ...describe(image, costs), from: nameOf(older) };
    });
  });
}

export function nameOf({ access: { image } }: Pick<SurveyedImage, 'access'>): string {
  return `${image.repository}@${image.digest}`;
}

function describe(image: SurveyedImage, costs: readonly LayerCost[] = []): InspectedImage {
  const { platform, digest, indexDigest, config } = image.access.image;
  return {
    image: nameOf(image),
    platform,
    digest,
    ...(indexDigest === undefined ? {} : { indexDigest }),
    layers: image.layers.map((layer, index) => {
      const cost = costs[index];
      const diffId = config.diffIds[index] ?? '';
      return { ...describeLayer(layer), diffId, ...(cost ? { update: cost } : {}) };
    }),
  };
}

function describeLayer({ descriptor, metadata }: SurveyedLayer): Omit<InspectedLayer, 'diffId' | 'update'> {
  const { digest, mediaType, size } = descriptor;
  const isChunked = metadata.kind === 'chunked' || metadata.reason !== undefined;
  return {
    digest,
    mediaType,
    format: formatName(mediaType, isChunked),
    compressedSize: size,
    ...partsOf(metadata),
  };
}

function partsOf(metadata: LayerMetadata): { chunks?: number; reason?: string } {
  if (metadata.kind === 'chunked') return { chunks: chunkCount(metadata.table) };
  return metadata.reason === undefined ? {} : { reason: metadata.reason };
}
