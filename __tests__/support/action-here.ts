// Both phases of the action in this process, each job on a machine of its own: for tests of more jobs than could be spawned.
import { vi } from 'vitest';
import { runMain } from '../../src/action/main-phase.ts';
import { runPost } from '../../src/action/post-phase.ts';
import { pull } from '../../src/pull/pull.ts';
import { readFileCommands } from './action-job.ts';
import { startRunner } from './runner.ts';
import { listTree, type TreeRecord } from './tree.ts';

export interface JobHere {
  readonly exitCode: number;
  readonly outputs: Readonly<Record<string, string>>;
  readonly summary: string;
  /** Everything that was printed, by both phases. */
  readonly log: string;
  readonly tree: readonly TreeRecord[];
  /** Milliseconds. */
  readonly mainTime: number;
  readonly postTime: number;
}

export interface JobHereOptions {
  readonly env: Readonly<Record<string, string>>;
  readonly inputs: Readonly<Record<string, string>>;
  /** Run when main has ended. */
  readonly between?: () => void;
}

export async function runJobHere({ env, inputs, between }: JobHereOptions): Promise<JobHere> {
  const runner = await startRunner({ ...env });
  for (const [name, value] of Object.entries({ 'cache-min-size': '0', ...inputs }))
    vi.stubEnv(`INPUT_${name.toUpperCase()}`, value);
  const { signal } = new AbortController();
  try {
    const started = performance.now();
    await runMain(pull, signal);
    const mainTime = performance.now() - started;
    const outputs = readFileCommands(await runner.file('OUTPUT'));
    const state = readFileCommands(await runner.file('STATE'));
    for (const [name, value] of Object.entries(state)) vi.stubEnv(`STATE_${name}`, value);
    between?.();
    const posted = performance.now();
    await runPost(signal);
    return {
      exitCode: Number(process.exitCode ?? 0),
      outputs,
      summary: await runner.file('STEP_SUMMARY'),
      log: runner.output(),
      tree: outputs['root-path'] ? listTree(outputs['root-path']) : [],
      mainTime,
      postTime: performance.now() - posted,
    };
  } finally {
    process.exitCode = 0;
    for (const name of ['STATE_isPost', 'STATE_save']) vi.stubEnv(name, undefined);
    await runner.end();
  }
}
