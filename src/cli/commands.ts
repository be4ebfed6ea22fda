// What `oci-pull NAME …` does besides pulling. An image of such a name is written with its registry: docker.io/library/diff.

import type { Program } from './program.ts';
import { diffCommand, inspectCommand } from './survey.ts';

/** `argv`: its own name first. Returns the exit status. */
export type RunCommand = (argv: readonly string[], program: Program) => Promise<number>;

const COMMANDS: Readonly<Record<string, RunCommand>> = { inspect: inspectCommand, diff: diffCommand };

/** undefined: the arguments are those of a pull. */
export function findCommand([name = '']: readonly string[]): RunCommand | undefined {
  return Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined;
}
