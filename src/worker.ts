// Door of the worker threads: which job is done by which room.
import { exportLayers } from './export/export-job.ts';
import { readToc } from './fetch/jobs.ts';
import type { PullJobs } from './pull/jobs.ts';
import { hashFiles, unpackArchive } from './source/archive-jobs.ts';
import { applyLayers } from './unpack/apply.ts';
import { diagnose } from './unpack/diagnose.ts';
import { hashStreams } from './unpack/hash.ts';
import { listEntries } from './unpack/listing.ts';
import { selectFiles } from './unpack/select.ts';
import { streamLayers } from './unpack/stream.ts';
import { serve } from './workers/serve.ts';

serve<PullJobs>({
  unpackArchive: (job) => unpackArchive(job),
  hashFiles: (job) => hashFiles(job),
  readToc,
  select: selectFiles,
  stream: streamLayers,
  hash: hashStreams,
  apply: applyLayers,
  export: exportLayers,
  list: listEntries,
  diagnose,
});
