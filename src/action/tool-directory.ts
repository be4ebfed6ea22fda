// A directory in the runner's tool cache, which on self-hosted runners outlives the job.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { cacheDir, find } from '@actions/tool-cache';
import { exclusively } from './exclusive.ts';

const TOOL = 'oci-pull-chunks';
/** The tool cache finds only semantic versions. The store's own format version is part of the paths inside. */
const VERSION = '1.0.0';

/**
 * Finds the directory for chunks, or registers an empty one. `toolCache`: RUNNER_TOOL_CACHE.
 * Throws an Error when the tool cache cannot be used.
 */
export async function persistentDirectory(toolCache: string): Promise<string> {
  const found = find(TOOL, VERSION);
  if (found !== '') return found;
  // Registering deletes what is there, so of several jobs on one machine only one may do it.
  return exclusively(join(toolCache, `${TOOL}.lock`), async () => find(TOOL, VERSION) || (await register()));
}

async function register(): Promise<string> {
  const empty = await mkdtemp(join(tmpdir(), `${TOOL}-`));
  try {
    return await cacheDir(empty, TOOL, VERSION);
  } finally {
    await rm(empty, { recursive: true, force: true });
  }
}
