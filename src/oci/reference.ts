// Image references: registry, repository, tag and digest, with Docker Hub's short forms.
// https://github.com/distribution/reference
import { PullError } from '../errors.ts';
import { type Digest, digestFault, isDigest } from './digest.ts';
import { DOCKER_HUB, isDockerHub } from './docker-hub.ts';
import { quote } from './json.ts';

export interface Reference {
  /** Host with its port, IPv6 in brackets; `docker.io` for Docker Hub. */
  readonly registry: string;
  /** Path inside of the registry; Docker's own images have `library/` in front. */
  readonly repository: string;
  /** Absent only where there is a digest. */
  readonly tag?: string;
  /** Where both are given the digest decides what is pulled. */
  readonly digest?: Digest;
}

const DEFAULT_TAG = 'latest';
/** Characters of the repository, without the registry. */
const MAX_REPOSITORY_LENGTH = 255;

const HOST =
  /^(?:[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?(?:\.[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?)*|\[[0-9A-Fa-f:]+\])(?::[0-9]+)?$/;
const REPOSITORY = /^[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*(?:\/[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*)*$/;
const TAG = /^\w[\w.-]{0,127}$/;
const IMAGE_ID = /^(?:sha256:)?([0-9a-f]{64})$/;

/** Parses a reference as users write it and fills in what goes without saying. Throws REFERENCE_INVALID. */
export function parseReference(text: string): Reference {
  const [named, digestText] = cut(text, text.indexOf('@'));
  const digest = digestText === undefined ? undefined : checkDigest(text, digestText);
  checkForm(text);
  const [name, tag] = cut(named, named.indexOf(':', named.lastIndexOf('/') + 1));
  const { registry, repository } = splitRegistry(name);
  checkRegistry(text, registry);
  checkRepository(text, repository);
  if (tag !== undefined && !TAG.test(tag))
    throw invalid(text, `${quote(tag)} is not a tag`, transportHint(text) ?? TAG_HINT);
  const kept = tag ?? (digest ? undefined : DEFAULT_TAG);
  return { registry, repository, ...(kept ? { tag: kept } : {}), ...(digest ? { digest } : {}) };
}

/** The whole reference, nothing left out: `registry/repository[:tag][@digest]`. */
export function formatReference(reference: Reference): string {
  const tag = reference.tag === undefined ? '' : `:${reference.tag}`;
  const digest = reference.digest === undefined ? '' : `@${reference.digest}`;
  return `${repositoryName(reference)}${tag}${digest}`;
}

/** `registry/repository` */
export function repositoryName(reference: Reference): string {
  return `${reference.registry}/${reference.repository}`;
}

/** What to ask the registry for: the digest where there is one, else the tag. */
export function referenceTarget(reference: Reference): string {
  return reference.digest ?? reference.tag ?? DEFAULT_TAG;
}

/** Does a text that parseReference accepts say which registry it means? */
export function namesRegistry(text: string): boolean {
  const [first, rest] = cut(text, text.indexOf('/'));
  return rest !== undefined && isRegistryHost(first);
}

function splitRegistry(name: string): { registry: string; repository: string } {
  const [first, rest] = cut(name, name.indexOf('/'));
  if (rest === undefined || !isRegistryHost(first)) return hubRepository(name);
  return isDockerHub(first) ? hubRepository(rest) : { registry: first, repository: rest };
}

/** What stands before the first slash is a host only if it looks like one; else it is a Docker Hub namespace. */
function isRegistryHost(first: string): boolean {
  return first === 'localhost' || /[.:]/.test(first) || first.toLowerCase() !== first;
}

function hubRepository(name: string): { registry: string; repository: string } {
  return { registry: DOCKER_HUB, repository: name.includes('/') ? name : `library/${name}` };
}

function checkForm(text: string): void {
  if (text === '') throw invalid(text, 'it is empty');
  if (/\s/.test(text)) throw invalid(text, 'it holds white space', 'Remove the blanks and line breaks.');
  const [scheme] = /^[a-z][a-z0-9+.-]*:\/\//i.exec(text) ?? [];
  if (scheme) throw invalid(text, 'it is a URL', `Leave out "${scheme}".`);
  const [, id] = IMAGE_ID.exec(text) ?? [];
  if (id)
    throw invalid(text, 'it is an image id', `Write repository@sha256:${id} if it is a manifest's digest.`);
}

function checkRegistry(text: string, registry: string): void {
  if (HOST.test(registry) && URL.canParse(`https://${registry}/`)) return;
  throw invalid(text, `${quote(registry)} is not a registry host`, transportHint(text));
}

function checkRepository(text: string, repository: string): void {
  if (repository.length > MAX_REPOSITORY_LENGTH)
    throw invalid(text, `the repository is longer than ${MAX_REPOSITORY_LENGTH} characters`);
  if (REPOSITORY.test(repository)) return;
  const lower = repository.toLowerCase();
  const hint = REPOSITORY.test(lower) ? `Write the repository in lower case: ${lower}` : transportHint(text);
  throw invalid(text, `${quote(repository)} is not a repository`, hint);
}

/** Comes before any check that repeats the text: what stands before a stray "@" may be a password. */
function checkDigest(text: string, digest: string): Digest {
  if (isDigest(digest)) return digest;
  if (/^[A-Za-z0-9+._-]+:[A-Za-z0-9]+$/.test(digest)) throw invalid(text, digestFault(digest));
  throw new PullError('REFERENCE_INVALID', 'the image reference has an "@" without a digest after it', {
    hint: 'Write it as repository@sha256:…; user name and password do not belong in a reference.',
  });
}

const TAG_HINT =
  'A tag has up to 128 letters, digits, dots, dashes and underscores, and starts with no dot or dash.';

function transportHint(text: string): string | undefined {
  const [transport] =
    /^(?:oci|oci-archive|docker-archive|docker-daemon|containers-storage|dir):/.exec(text) ?? [];
  if (!transport) return undefined;
  const places = 'oci:DIR, oci-archive:FILE or docker-archive:FILE';
  return `"${transport}" is no registry. What is on this machine can be named as ${places}; docker save and skopeo copy write such files.`;
}

/** The text before and after the character at `index`; all of it and undefined where `index` is negative. */
function cut(text: string, index: number): [before: string, after?: string] {
  return index < 0 ? [text] : [text.slice(0, index), text.slice(index + 1)];
}

function invalid(text: string, why: string, hint?: string): PullError {
  return new PullError('REFERENCE_INVALID', `${quote(text)} is not an image reference: ${why}`, { hint });
}
