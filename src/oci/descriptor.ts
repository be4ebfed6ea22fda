// Descriptors: how a manifest or index names other content.
// https://github.com/opencontainers/image-spec/blob/main/descriptor.md
import { PullError } from '../errors.ts';
import { type Digest, parseDigest } from './digest.ts';
import { arrayField, field, isJsonRecord, type JsonRecord, stringField } from './json.ts';
import { normalizeMediaType } from './media-type.ts';
import type { Platform } from './platform.ts';

export interface Descriptor {
  /** Lower case, without parameters. */
  readonly mediaType: string;
  readonly digest: Digest;
  /** Bytes of the content as it is stored: the compressed size of a layer. */
  readonly size: number;
  /** Has no prototype, so any key may be looked up. Empty where the descriptor has none. */
  readonly annotations: Readonly<Record<string, string>>;
  readonly platform?: Platform;
  readonly artifactType?: string;
}

/** Reads one descriptor out of parsed JSON; `what` names it in the MANIFEST_INVALID error, for example "layer 3". */
export function parseDescriptor(json: unknown, what: string): Descriptor {
  if (!isJsonRecord(json)) throw new PullError('MANIFEST_INVALID', `${what}: not a descriptor`);
  const platform = parsePlatformField(json, what);
  const artifactType = stringField(json, 'artifactType', what);
  return {
    mediaType: normalizeMediaType(requiredString(json, 'mediaType', what)),
    digest: parseDigest(requiredString(json, 'digest', what), what),
    size: parseSize(field(json, 'size'), what),
    annotations: parseAnnotations(field(json, 'annotations'), what),
    ...(platform ? { platform } : {}),
    ...(artifactType ? { artifactType: normalizeMediaType(artifactType) } : {}),
  };
}

function requiredString(record: JsonRecord, key: string, what: string): string {
  const value = stringField(record, key, what);
  if (value) return value;
  throw new PullError('MANIFEST_INVALID', `${what}: the descriptor has no "${key}"`);
}

function parseSize(value: unknown, what: string): number {
  if (typeof value === 'number' && Number.isSafeInteger(value) && value >= 0) return value;
  throw new PullError('MANIFEST_INVALID', `${what}: "size" is not a number of bytes`);
}

function parseAnnotations(value: unknown, what: string): Readonly<Record<string, string>> {
  const annotations: Record<string, string> = Object.create(null);
  if (value === undefined) return annotations;
  if (!isJsonRecord(value))
    throw new PullError('MANIFEST_INVALID', `${what}: "annotations" is not an object`);
  for (const [key, text] of Object.entries(value)) {
    if (typeof text !== 'string')
      throw new PullError('MANIFEST_INVALID', `${what}: an annotation is not a string`);
    annotations[key] = text;
  }
  return annotations;
}

/** Some tools write a platform of empty strings for "none". */
function parsePlatformField(descriptor: JsonRecord, what: string): Platform | undefined {
  const json = field(descriptor, 'platform');
  if (json === undefined) return undefined;
  if (!isJsonRecord(json)) throw new PullError('MANIFEST_INVALID', `${what}: "platform" is not an object`);
  const os = stringField(json, 'os', what);
  const architecture = stringField(json, 'architecture', what);
  if (!os || !architecture) return undefined;
  const variant = stringField(json, 'variant', what);
  const osVersion = stringField(json, 'os.version', what);
  const osFeatures = arrayField(json, 'os.features', what).filter((name) => typeof name === 'string');
  return {
    os,
    architecture,
    ...(variant ? { variant } : {}),
    ...(osVersion ? { osVersion } : {}),
    ...(osFeatures.length > 0 ? { osFeatures } : {}),
  };
}
