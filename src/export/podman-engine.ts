// podman has no service that runs by itself, so its own program is asked.
import { spawn } from 'node:child_process';
import { PullError, toPullError } from '../errors.ts';
import type { LoadJob } from './docker-engine.ts';
import { listenTo } from './said.ts';

/** Of each of its streams. */
const MAX_SAID_BYTES = 64 << 10;

export interface PodmanJob extends LoadJob {
  /** Absolute path of podman. */
  readonly program: string;
}

/** Before anything is downloaded for it: does it run? Throws LOAD_FAILED, ABORTED. */
export async function reachPodman(job: Omit<PodmanJob, 'path'>): Promise<void> {
  await run(['--version'], job);
}

/** Runs `podman load`, and returns what it says. Throws LOAD_FAILED, ABORTED. */
export async function loadIntoPodman({ path, ...job }: PodmanJob): Promise<string[]> {
  const { status, stdout, stderr } = await run(['load', '--quiet', '--input', path], job);
  if (status !== 0) throw new PullError('LOAD_FAILED', `podman did not take the image: ${complaint(stderr)}`);
  return stdout.split('\n').filter((line) => line.trim() !== '');
}

async function run(args: readonly string[], { program, env, signal }: Omit<PodmanJob, 'path'>) {
  const child = spawn(program, args, { env: { ...env }, stdio: ['ignore', 'pipe', 'pipe'], signal });
  const [stdout, stderr] = [listenTo(child.stdout, MAX_SAID_BYTES), listenTo(child.stderr, MAX_SAID_BYTES)];
  const status = await new Promise<number | null>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', resolve);
  }).catch((cause: unknown) => {
    if (signal.aborted) throw new PullError('ABORTED', 'the pull was cancelled', { cause });
    throw toPullError(cause, { code: 'LOAD_FAILED', message: 'podman cannot be run' });
  });
  return { status, stdout: stdout(), stderr: stderr() };
}

/** podman tries every format it knows, and tells what each of them made of the file. */
function complaint(text: string): string {
  const [, ours] = /^\s*\* docker-archive: (.*)$/m.exec(text) ?? [];
  return (ours ?? text).trim();
}
