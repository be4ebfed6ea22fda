// Hands the archive to an engine of this machine.
import { childEnvironment } from '../auth/child-environment.ts';
import { findProgram } from '../auth/find-program.ts';
import { PullError } from '../errors.ts';
import { loadIntoDocker, reachDocker } from '../export/docker-engine.ts';
import { loadIntoPodman, reachPodman } from '../export/podman-engine.ts';
import type { Engine, PullOptions } from './options.ts';

/** An engine that is not there is told before anything is downloaded for it. Throws LOAD_FAILED, ABORTED. */
export async function reachEngine({ network, signal }: PullOptions, engine: Engine): Promise<void> {
  const { env } = network.hosts;
  await (engine === 'docker' ? reachDocker({ env, signal }) : reachPodman(await podmanOf(env, signal)));
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
      : await loadIntoPodman({ path, ...(await podmanOf(env, signal)) });
  for (const message of said) emit({ kind: 'info', message: `${engine}: ${message}` });
}

/** Throws LOAD_FAILED where it is not on PATH. */
async function podmanOf(env: PullOptions['network']['hosts']['env'], signal: AbortSignal) {
  const program = await findProgram('podman', { env, platform: process.platform });
  if (program !== undefined) return { program, env: childEnvironment(env), signal };
  throw new PullError('LOAD_FAILED', 'podman is not on PATH', {
    hint: 'Install podman, or load the image into another engine by the input load.',
  });
}
