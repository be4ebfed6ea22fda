// The jobs that worker threads run for a pull, and where their script is.
import type { ExportJob } from '../export/export-job.ts';
import type { ReadTocJob, ReadTocOutcome } from '../fetch/jobs.ts';
import type { Digest } from '../oci/digest.ts';
import type { HashFilesJob, UnpackArchiveJob } from '../source/archive-jobs.ts';
import type { ApplyJob } from '../unpack/apply.ts';
import type { DiagnoseJob } from '../unpack/diagnose.ts';
import type { HashJob } from '../unpack/hash.ts';
import type { Detour, LayerFailure, MissingFiles, UnpackEvent, UnpackedImage } from '../unpack/job.ts';
import type { ListedEntry, ListJob } from '../unpack/listing.ts';
import type { NeededFiles, SelectJob } from '../unpack/select.ts';
import type { StreamJob } from '../unpack/stream.ts';
import { WorkerPool } from '../workers/pool.ts';

export type PullJobs = {
  unpackArchive: { input: UnpackArchiveJob; output: undefined; event: never };
  hashFiles: { input: HashFilesJob; output: readonly Digest[]; event: never };
  readToc: { input: ReadTocJob; output: ReadTocOutcome; event: never };
  select: { input: SelectJob; output: (NeededFiles | undefined)[]; event: never };
  /** These three run at the same time, hash twice. */
  stream: { input: StreamJob; output: { kind: 'done' } | LayerFailure; event: never };
  hash: { input: HashJob; output: undefined; event: never };
  apply: { input: ApplyJob; output: UnpackedImage | MissingFiles | LayerFailure; event: UnpackEvent };
  /** In place of apply. */
  export: { input: ExportJob; output: UnpackedImage | LayerFailure; event: UnpackEvent };
  list: { input: ListJob; output: readonly ListedEntry[]; event: never };
  diagnose: { input: DiagnoseJob; output: Detour; event: never };
};

export interface PullPool extends AsyncDisposable, Pick<WorkerPool<PullJobs>, 'run'> {}

/**
 * Threads for one stage, ended with it: the memory of a thread that has read large tables of contents is only given back then. The signal
 * ends them too, whatever they are doing: their jobs, and those that come later, are rejected with ABORTED.
 */
export function openPool(threads: number, signal: AbortSignal): PullPool {
  const pool = new WorkerPool<PullJobs>(workerScript(), threads);
  const stop = () => void pool.close();
  signal.addEventListener('abort', stop, { once: true });
  if (signal.aborted) stop();
  return {
    run: pool.run.bind(pool),
    [Symbol.asyncDispose]() {
      signal.removeEventListener('abort', stop);
      return pool.close();
    },
  };
}

/** Bundled, the worker lies beside this file; in a checkout it is the door of that name. */
function workerScript(): URL {
  return import.meta.url.endsWith('.ts')
    ? new URL('../worker.ts', import.meta.url)
    : new URL('./worker.js', import.meta.url);
}
