// What the program has of the machine that it runs on.
import type { PullOptions } from '../pull/options.ts';
import type { PullResult } from '../pull/result.ts';
import type { PageFinder } from './documentation.ts';
import type { Interrupt } from './interrupt.ts';
import type { Surroundings } from './options.ts';

export interface Program extends Omit<Surroundings, 'signal'> {
  /** Arguments behind the program's name. */
  readonly argv: readonly string[];
  readonly stdout: (text: string) => void;
  readonly stderr: (text: string) => void;
  /** Columns of the terminal behind `stderr`; undefined when it is none. */
  readonly columns: () => number | undefined;
  readonly interrupt: Interrupt;
  /** Absent: pages are told by their names. */
  readonly findPage?: PageFinder;
  readonly pull: (options: PullOptions) => Promise<PullResult>;
}
