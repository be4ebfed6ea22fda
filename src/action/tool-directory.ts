// A directory in the runner's tool cache, which on self-hosted runners outlives the job.
import { mkdir, writeFile } from 'node:fs/promises';
import { arch } from 'node:os';
import { join } from 'node:path';
import { find } from '@actions/tool-cache';
import { PACK_VERSION } from '../store/pack-trailer.ts';

const TOOL = 'oci-pull-chunks';
/** Of the store's format: another format is another version of the tool, which admins see and delete by itself. */
const VERSION = `${PACK_VERSION}.0.0`;

/**
 * Finds the directory for chunks, or registers it. `toolCache`: RUNNER_TOOL_CACHE.
 * Throws an Error when the tool cache cannot be used.
 *
 * Not by `cacheDir` of the tool cache: it deletes what it finds at its target, which would be the store of another job that has registered
 * it between a look and that deletion, or one that has lost its mark. Making a directory and a mark deletes nothing, whoever does it
 * how often, so it needs no lock. Both are as admins make them by hand:
 * https://docs.github.com/en/enterprise-server@latest/admin/managing-github-actions-for-your-enterprise/managing-access-to-actions-from-githubcom/setting-up-the-tool-cache-on-self-hosted-runners-without-internet-access
 */
export async function persistentDirectory(toolCache: string): Promise<string> {
  const found = find(TOOL, VERSION);
  if (found !== '') return found;
  const directory = join(toolCache, TOOL, VERSION, arch());
  await mkdir(directory, { recursive: true });
  await writeFile(`${directory}.complete`, '', { flag: 'a' });
  const registered = find(TOOL, VERSION);
  if (registered === '') throw new Error(`${directory} is not found in the tool cache`);
  return registered;
}
