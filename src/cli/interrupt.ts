// Ctrl-C and termination: the first signal cancels the pull in an orderly way, the second ends the process at once.
import { constants } from 'node:os';

const SIGNALS = ['SIGINT', 'SIGTERM'] as const;

export interface Interrupt {
  /** Fires at the first signal. */
  readonly signal: AbortSignal;
  /** 128 + the number of the signal that came; undefined when none came. */
  exitStatus(): number | undefined;
  /** Gives the signals back their default effect. */
  dispose(): void;
}

export function listenForInterrupt(): Interrupt {
  const controller = new AbortController();
  let status: number | undefined;
  const onSignal = (name: NodeJS.Signals): void => {
    if (status !== undefined) process.exit(status);
    status = 128 + constants.signals[name];
    controller.abort();
  };
  for (const name of SIGNALS) process.on(name, onSignal);
  return {
    signal: controller.signal,
    exitStatus: () => status,
    dispose: () => {
      for (const name of SIGNALS) process.off(name, onSignal);
    },
  };
}
