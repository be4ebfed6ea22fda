// BlobCache on @actions/cache. The library moves whole archives and hides why a save failed: -1 may mean a race lost, a quota,
// a rate limit or a refused token.
import { randomUUID } from 'node:crypto';
import { constants } from 'node:fs';
import { copyFile, link, lstat, mkdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { describeError } from '../errors.ts';
import type { BlobCache, SaveOutcome, SaveRequest } from './blob-cache.ts';
import { insideRunnerTemp } from './runner-temp.ts';

/** Directory under RUNNER_TEMP whose name is part of every entry's version. */
const STAGING = 'oci-pull';
/** A stuck segment costs at most this; the library's own limit is ten minutes. */
const SEGMENT_TIMEOUT_MS = 120_000;

/** Loading it takes a quarter of a second, which only those pay who use it. */
const loadLibrary = () => import('@actions/cache');

const UNKNOWN_REASONS = 'another job is saving it, a limit or quota is reached, or the token is read-only';

export interface ToolkitCacheOptions {
  /** RUNNER_TEMP: the library builds and unpacks its archives there. */
  readonly tempDirectory: string;
  /** Where a fault goes that the library did not already print. */
  readonly log: (message: string) => void;
}

export function createToolkitCache(options: ToolkitCacheOptions): BlobCache {
  return {
    form: 'archive',
    restore: (name, prefixes, file) => orMiss(options, () => restore({ ...options, name }, prefixes, file)),
    lookup: (name, prefixes) => orMiss(options, () => find(name, prefixes, true)),
    save: (request) => save(options, request),
  };
}

async function orMiss(
  options: ToolkitCacheOptions,
  work: () => Promise<string | undefined>,
): Promise<string | undefined> {
  try {
    return await work();
  } catch (error) {
    options.log(`the cache service could not be used: ${describeError(error)}`);
    return undefined;
  }
}

async function restore(
  entry: { tempDirectory: string; name: string },
  prefixes: readonly string[],
  file: string,
): Promise<string | undefined> {
  const staged = join(entry.tempDirectory, STAGING, entry.name);
  await mkdir(join(entry.tempDirectory, STAGING), { recursive: true });
  await rm(staged, { recursive: true, force: true });
  try {
    const key = await insideRunnerTemp(entry.tempDirectory, () => find(entry.name, prefixes, false));
    if (key === undefined || !(await isRegularFile(staged))) return undefined;
    await moveFile(staged, file);
    return key;
  } finally {
    // A failed restore leaves whatever tar had already extracted.
    await rm(staged, { recursive: true, force: true });
  }
}

async function find(
  name: string,
  prefixes: readonly string[],
  lookupOnly: boolean,
): Promise<string | undefined> {
  const [first, ...others] = prefixes;
  if (first === undefined) return undefined;
  const paths = [`${STAGING}/${name}`];
  const options = { lookupOnly, segmentTimeoutInMs: SEGMENT_TIMEOUT_MS };
  const { restoreCache } = await loadLibrary();
  const key = await restoreCache(paths, first, others, options);
  return prefixes.some((prefix) => key?.startsWith(prefix)) ? key : undefined;
}

async function save(options: ToolkitCacheOptions, request: SaveRequest): Promise<SaveOutcome> {
  const staged = join(options.tempDirectory, STAGING, request.name);
  const lookup = () => find(request.name, [request.key, ...request.equivalents], true);
  try {
    // The library compresses before it reserves, so a duplicate would cost the whole compression.
    if ((await lookup()) !== undefined) return { kind: 'exists' };
    await mkdir(join(options.tempDirectory, STAGING), { recursive: true });
    await rm(staged, { recursive: true, force: true });
    await linkOrCopy(request.file, staged);
    const { saveCache } = await loadLibrary();
    const id = await insideRunnerTemp(options.tempDirectory, () =>
      saveCache([`${STAGING}/${request.name}`], request.key),
    );
    if (id !== -1) return { kind: 'saved' };
    if ((await lookup()) !== undefined) return { kind: 'raced' };
    return { kind: 'failed', message: `the cache service did not take ${request.key}: ${UNKNOWN_REASONS}` };
  } catch (error) {
    return { kind: 'unavailable', message: describeError(error) };
  } finally {
    await rm(staged, { recursive: true, force: true }).catch(() => undefined);
  }
}

/** A link in a foreign archive must not make us move, or later read, a file elsewhere. */
async function isRegularFile(path: string): Promise<boolean> {
  return (await lstat(path).catch(() => undefined))?.isFile() ?? false;
}

async function moveFile(from: string, to: string): Promise<void> {
  try {
    await rename(from, to);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EXDEV') throw error;
    const partial = `${to}.${randomUUID()}.partial`;
    try {
      await copyFile(from, partial, constants.COPYFILE_EXCL);
      await rename(partial, to);
    } catch (failure) {
      await rm(partial, { force: true });
      throw failure;
    }
  }
}

async function linkOrCopy(from: string, to: string): Promise<void> {
  await link(from, to).catch(() => copyFile(from, to, constants.COPYFILE_EXCL));
}
