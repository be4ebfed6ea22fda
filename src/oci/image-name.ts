// What an image can be named by: a reference to a registry, or a place on this machine in the notation of containers/image.
// https://github.com/containers/image/blob/main/docs/containers-transports.5.md
import { PullError } from '../errors.ts';
import { type Digest, digestFault, isDigest } from './digest.ts';
import { quote } from './json.ts';
import { namesRegistry, parseReference, type Reference } from './reference.ts';

export interface RegistryImage {
  readonly kind: 'registry';
  readonly reference: Reference;
  /** What the user wrote, where it named no registry. */
  readonly shortName?: string | undefined;
}

export const LOCAL_TRANSPORTS = ['oci', 'oci-archive', 'docker-archive'] as const;
type LocalTransport = (typeof LOCAL_TRANSPORTS)[number];

/** One image in a directory or file of this machine, or all that are in it. */
export interface LocalImage {
  /** `path`: a seed that was named without a transport; what is there tells its kind. */
  readonly kind: LocalTransport | 'path';
  /** As written; doors make it absolute. */
  readonly path: string;
  /** Of a layout a tag, of a docker-archive a reference `repository:tag`; of both `@N`, counted from 0. */
  readonly name?: string | undefined;
  readonly digest?: Digest | undefined;
}

export type ImageName = RegistryImage | LocalImage;

/** `docker:` stands before registries, with two slashes. */
const DOCKER_PREFIX = 'docker://';
/** Of a path on Windows: its colon separates nothing. */
const DRIVE = /^[A-Za-z]:(?=[\\/])/;
const DIGEST_AT_END = /^(.*)@(sha(?:256|512):[^/@]*)$/s;
/** An image by its place in the list. */
const BY_NUMBER = /^@\d{1,5}$/;
const MAX_NAME_LENGTH = 1024;

/**
 * `oci:DIR[:TAG][@DIGEST]`, `oci-archive:FILE[:TAG][@DIGEST]`, `docker-archive:FILE[:REFERENCE]`, or a reference to a registry,
 * perhaps with `docker://` before it. What begins with a transport is never a registry: `oci:5000/x` is the directory `5000/x`.
 * Throws REFERENCE_INVALID.
 */
export function parseImageName(text: string): ImageName {
  const local = parseLocal(text);
  if (local) return local;
  // As in other tools, a name behind docker:// is no short one: it is Docker Hub's if it names no registry.
  if (text.startsWith(DOCKER_PREFIX))
    return { kind: 'registry', reference: parseReference(text.slice(DOCKER_PREFIX.length)) };
  const reference = parseReference(text);
  return namesRegistry(text)
    ? { kind: 'registry', reference }
    : { kind: 'registry', reference, shortName: text };
}

/** The same notation, or only the path of a layout or an archive. Throws REFERENCE_INVALID. */
export function parseSeed(text: string): LocalImage {
  try {
    return readSeed(text);
  } catch (error) {
    throw asSeedError(error);
  }
}

/** What is wrong with a seed is not taken for something about the image. */
export function asSeedError(error: unknown): unknown {
  if (!(error instanceof PullError) || error.code === 'ABORTED') return error;
  if (error.message.startsWith('`seed`: ')) return error;
  return new PullError(error.code, `\`seed\`: ${error.message}`, { hint: error.hint, cause: error.cause });
}

function readSeed(text: string): LocalImage {
  const local = parseLocal(text);
  if (local) return local;
  if (/^[A-Za-z][A-Za-z0-9+.-]+:\/\//.test(text))
    throw invalid(text, 'a seed is a layout or an archive on this machine', SEED_HINT);
  return { kind: 'path', path: checkPath(text, text) };
}

const SEED_HINT = 'Write oci:DIR, oci-archive:FILE, docker-archive:FILE, or only the path.';

/** As parseImageName and parseSeed read it. */
export function formatLocalImage({ kind, path, name, digest }: LocalImage): string {
  const transport = kind === 'path' ? '' : `${kind}:`;
  return `${transport}${path}${name === undefined ? '' : `:${name}`}${digest === undefined ? '' : `@${digest}`}`;
}

function parseLocal(text: string): LocalImage | undefined {
  const kind = LOCAL_TRANSPORTS.find((transport) => text.startsWith(`${transport}:`));
  if (!kind) return undefined;
  const rest = text.slice(kind.length + 1);
  return kind === 'docker-archive' ? parseDockerArchive(text, rest) : parseLayout(text, rest, kind);
}

function parseLayout(text: string, rest: string, kind: LocalTransport): LocalImage {
  const [, before = rest, digest] = DIGEST_AT_END.exec(rest) ?? [];
  if (digest !== undefined && !isDigest(digest)) throw invalid(text, digestFault(digest));
  const { path, name } = splitPath(before);
  if (name !== undefined && (/[\s\p{Cc}]/u.test(name) || name.length > MAX_NAME_LENGTH))
    throw invalid(text, `${quote(name)} is not a tag`);
  return { ...local(text, kind, { path, name }), ...(digest === undefined ? {} : { digest }) };
}

function parseDockerArchive(text: string, rest: string): LocalImage {
  const { path, name } = splitPath(rest);
  if (name && !BY_NUMBER.test(name) && parseReference(name).digest)
    throw invalid(text, 'images in such an archive have tags and no digests');
  return local(text, 'docker-archive', { path, name });
}

/** At the first colon, as in other tools: no path that can be named holds one, but for that of a Windows drive. */
function splitPath(text: string): { path: string; name: string | undefined } {
  const colon = text.indexOf(':', DRIVE.test(text) ? 2 : 0);
  if (colon < 0) return { path: text, name: undefined };
  return { path: text.slice(0, colon), name: text.slice(colon + 1) };
}

function local(
  text: string,
  kind: LocalTransport,
  { path, name }: { path: string; name: string | undefined },
): LocalImage {
  checkPath(text, path);
  if (name === '') throw invalid(text, 'there is nothing behind its last colon', 'Leave out the colon.');
  return { kind, path, ...(name === undefined ? {} : { name }) };
}

function checkPath(text: string, path: string): string {
  if (path === '') throw invalid(text, 'it names no path');
  if (/\p{Cc}/u.test(path)) throw invalid(text, 'its path holds control characters');
  return path;
}

function invalid(text: string, why: string, hint?: string): PullError {
  return new PullError('REFERENCE_INVALID', `${quote(text)} cannot be used: ${why}`, {
    hint:
      hint ??
      'Write oci:DIR[:TAG], oci:DIR@sha256:…, oci-archive:FILE[:TAG] or docker-archive:FILE[:REPOSITORY:TAG].',
  });
}
