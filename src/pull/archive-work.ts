// Gives to worker threads what takes long about archives on this machine.
import type { ArchiveWork } from '../source/archive-jobs.ts';
import type { LocalContext } from '../source/local-source.ts';
import { openPool, type PullJobs } from './jobs.ts';
import type { PullOptions } from './options.ts';

/** What openLocalSource and openSeeds need from a pull. */
export function localContext({
  temporaryDirectory,
  signal,
  emit,
}: Pick<PullOptions, 'temporaryDirectory' | 'signal' | 'emit'>): LocalContext {
  return { temporaryDirectory, signal, emit, work: WORK };
}

const WORK: ArchiveWork = {
  unpackArchive: (job, signal) => runAlone('unpackArchive', job, signal),
  hashFiles: (job, signal) => runAlone('hashFiles', job, signal),
};

/** On a thread that the signal ends, whatever it is doing: throws ABORTED then. */
async function runAlone<Name extends 'unpackArchive' | 'hashFiles'>(
  name: Name,
  job: PullJobs[Name]['input'],
  signal: AbortSignal,
): Promise<PullJobs[Name]['output']> {
  await using pool = openPool(1, signal);
  return await pool.run(name, job);
}
