// The jobs that worker threads run for a pull, and where their script is.
import type { ReadTocJob, ReadTocOutcome } from '../fetch/jobs.ts';
import type { HashJob } from '../unpack/hash-lane.ts';
import type { UnpackEvent, UnpackJob, UnpackOutcome } from '../unpack/jobs.ts';
import { WorkerPool } from '../workers/pool.ts';

export type PullJobs = {
  readToc: { input: ReadTocJob; output: ReadTocOutcome; event: never };
  unpack: { input: UnpackJob; output: UnpackOutcome; event: UnpackEvent };
  hash: { input: HashJob; output: undefined; event: never };
};

/**
 * Threads for one stage, ended with it: the memory of a thread that has read large tables of contents is only given back then.
 * Two are needed to unpack and to hash at the same time.
 */
export function openPool(): WorkerPool<PullJobs> {
  return new WorkerPool<PullJobs>(workerScript(), 2);
}

/** Bundled, the worker lies beside this file; in a checkout it is the door of that name. */
function workerScript(): URL {
  return import.meta.url.endsWith('.ts')
    ? new URL('../worker.ts', import.meta.url)
    : new URL('./worker.js', import.meta.url);
}
