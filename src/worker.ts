// Door of the worker threads: which job is done by which room.
import { readToc } from './fetch/jobs.ts';
import type { PullJobs } from './pull/jobs.ts';
import { hashFiles, unpackArchive } from './source/archive-jobs.ts';
import { applyLayers } from './unpack/apply.ts';
import { diagnose } from './unpack/diagnose.ts';
import { hashStreams } from './unpack/hash.ts';
import { streamLayers } from './unpack/stream.ts';
import { serve } from './workers/serve.ts';

serve<PullJobs>({
  unpackArchive: (job) => unpackArchive(job),
  hashFiles: (job) => hashFiles(job),
  readToc,
  stream: streamLayers,
  hash: hashStreams,
  apply: applyLayers,
  diagnose,
});
