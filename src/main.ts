// Door of the action's main phase.
import { runMain } from './action/main-phase.ts';
import { untilSignal } from './action/signals.ts';
import { pull } from './pull/pull.ts';

/** Pulls the image that the inputs name. Throws nothing; a failure sets the exit code. */
export async function main(): Promise<void> {
  await untilSignal((signal) => runMain(pull, signal));
}
