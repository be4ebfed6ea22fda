import { PullError } from '../errors.ts';

/** Runs `work` with a signal that fires when the runner cancels the job: SIGINT, and SIGTERM 7.5 seconds later. */
export async function untilSignal(work: (signal: AbortSignal) => Promise<void>): Promise<void> {
  const controller = new AbortController();
  const cancel = () => controller.abort(new PullError('ABORTED', 'the job was cancelled'));
  process.on('SIGINT', cancel).on('SIGTERM', cancel);
  try {
    await work(controller.signal);
  } finally {
    process.off('SIGINT', cancel).off('SIGTERM', cancel);
  }
}
