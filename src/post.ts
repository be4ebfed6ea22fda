// Door of the action's post phase.
import { runPost } from './action/post-phase.ts';
import { untilSignal } from './action/signals.ts';

/** Saves what the main phase found to be new. Throws nothing and never fails the job. */
export async function post(): Promise<void> {
  await untilSignal(runPost);
}
