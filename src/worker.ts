// Door of the worker threads: which job is done by which room.
import { readToc } from './fetch/jobs.ts';
import type { PullJobs } from './pull/jobs.ts';
import { hashStreams } from './unpack/hash-lane.ts';
import { unpackImage } from './unpack/jobs.ts';
import { serve } from './workers/serve.ts';

serve<PullJobs>({ readToc, unpack: unpackImage, hash: hashStreams });
