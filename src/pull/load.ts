// Hands the archive to an engine of this machine.
import { loadIntoDocker, reachDocker } from '../export/docker-engine.ts';
import { loadIntoPodman, reachPodman } from '../export/podman-engine.ts';
import type { Engine, PullOptions } from './options.ts';

/** An engine that is not there is told before anything is downloaded for it. Throws LOAD_FAILED, ABORTED. */
export async function reachEngine({ network, signal }: PullOptions, engine: Engine): Promise<void> {
  const { env } = network.hosts;
  await (engine === 'docker' ? reachDocker({ env, signal }) : reachPodman({ env, signal }));
}

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
