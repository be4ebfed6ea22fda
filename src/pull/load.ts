// Hands the archive to an engine of this machine.
import { loadIntoDocker } from '../export/docker-engine.ts';
import { loadIntoPodman } from '../export/podman-engine.ts';
import type { Engine, PullOptions } from './options.ts';

/** `path`: of a docker-archive that is complete and proven. Throws LOAD_FAILED, ABORTED. */
export async function loadImage(
  { network, emit, signal }: PullOptions,
  engine: Engine,
  path: string,
): Promise<void> {
  const { env } = network.hosts;
  const said =
    engine === 'docker'
      ? await loadIntoDocker({ path, env, signal })
      : await loadIntoPodman({ path, env, signal });
  for (const message of said) emit({ kind: 'info', message: `${engine}: ${message}` });
}
