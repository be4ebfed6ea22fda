// Reads the tables of contents of all layers of an image side by side, on threads.
import { PullError } from '../errors.ts';
import type { ReadTocJob, ReadTocOutcome } from '../fetch/jobs.ts';
import type { Descriptor } from '../oci/descriptor.ts';
import { throwFirstCause } from './first-cause.ts';
import { openPool } from './jobs.ts';
import type { TocBudget } from './toc-budget.ts';

export interface LayerReading {
  readonly readToc: (job: ReadTocJob) => Promise<ReadTocOutcome>;
  /** Fires as soon as another layer has failed. */
  readonly signal: AbortSignal;
}

export interface ReadingOptions {
  readonly signal: AbortSignal;
  /** For `read` to use. Once it is spent, no table of contents is read any more. */
  readonly budget: TocBudget;
}

/** One failure ends the others, and nothing goes on behind the caller's back. Throws what `read` throws. */
export async function readLayers<T>(
  layers: readonly Descriptor[],
  { signal, budget }: ReadingOptions,
  read: (descriptor: Descriptor, index: number, reading: LayerReading) => Promise<T>,
): Promise<T[]> {
  const stop = new AbortController();
  const either = AbortSignal.any([signal, stop.signal]);
  await using pool = openPool(2, either);
  const reading = {
    readToc: (job: ReadTocJob) => pool.run('readToc', job, { onTurn: () => budget.check() }).catch(tooLarge),
    signal: either,
  };
  const reads = layers.map((descriptor, index) => read(descriptor, index, reading));
  for (const each of reads) each.catch(() => stop.abort());
  throwFirstCause(...(await Promise.allSettled(reads)));
  return Promise.all(reads);
}

/** A thread that runs out of memory over a table of contents says no more than that this one is too large. */
export function tooLarge(error: unknown): ReadTocOutcome {
  if (error instanceof PullError && error.code === 'WORKER_EXITED')
    return { kind: 'unusable', reason: 'its TOC is too large to be read' };
  throw error;
}
