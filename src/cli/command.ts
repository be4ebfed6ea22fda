// What all commands have in common: help, complaints, and the status that the program ends with.
import { ERROR_CODES, PullError, redactUrls, toPullError } from '../errors.ts';
import { checkSeeds } from '../pull/named-places.ts';
import type { PullOptions } from '../pull/options.ts';
import type { PullArguments } from './arguments.ts';
import { adviseLocal } from './local-advice.ts';
import { toPullOptions } from './options.ts';
import type { Program } from './program.ts';
import { renderError } from './report.ts';
import { Reporter } from './reporter.ts';
import { VERSION } from './version.ts';

export const [DONE, FAILED, WRONG_USAGE] = [0, 1, 2];

/** Runs a command with the arguments behind its name, and returns the exit status. */
export type Command = (argv: readonly string[], program: Program) => Promise<number>;

interface CommandParts<Args> {
  /** With the name of the program. */
  readonly name: string;
  /** One line or two, for who has made a mistake. */
  readonly usage: string;
  readonly help: string;
  /** Throws INPUT_INVALID for what cannot be used. */
  readonly parse: (argv: readonly string[]) => Args | 'help' | 'version';
  readonly run: (args: Args, program: Program) => Promise<number>;
}

export function createCommand<Args extends object>(parts: CommandParts<Args>): Command {
  const { name, usage, help, parse, run } = parts;
  const understand = (argv: readonly string[]) => {
    try {
      return parse(argv);
    } catch (error) {
      if (error instanceof PullError) return error;
      throw error;
    }
  };
  return async (argv, program) => {
    const args = understand(argv);
    if (args instanceof PullError) {
      program.stderr(`${renderError(pointTo(args, `${name} --help`), program.findPage)}\n${usage}\n`);
      return WRONG_USAGE;
    }
    if (typeof args === 'object') return await run(args, program);
    program.stdout(`${args === 'help' ? help : VERSION}\n`);
    return DONE;
  };
}

/** The error with a hint that says where to read on. */
function pointTo(error: PullError, help: string): PullError {
  const { code, message, hint, cause } = error;
  const own = hint === ERROR_CODES[code].hint ? '' : `${hint} `;
  return new PullError(code, message, { hint: `${own}Try ${help}.`, cause });
}

/** What is printed, for people and for programs. */
export interface Answer {
  /** Without a line break at its end. */
  readonly text: string;
  readonly json: unknown;
}

/** Shows what happens meanwhile, then the answer. What is wrong with the arguments is wrong usage, whatever fails later is not. */
export async function runWithProgress(
  args: PullArguments,
  program: Program,
  work: (options: PullOptions) => Promise<Answer>,
): Promise<number> {
  const { interrupt, columns } = program;
  const debug = isDebugging(program);
  let status = WRONG_USAGE;
  const reporter = new Reporter({ write: program.stderr, columns, quiet: args.quiet, debug });
  try {
    const options = await toPullOptions(args, { ...program, signal: interrupt.signal });
    checkSeeds(options.seeds);
    status = FAILED;
    const answer = await work({ ...options, emit: reporter.emit, signal: interrupt.signal });
    reporter.stop();
    print(answer, args, program);
    return DONE;
  } catch (error) {
    reporter.stop();
    return fail(adviseLocal(error, args.image, program.cwd), status, program);
  }
}

export function print({ text, json }: Answer, options: { readonly json: boolean }, program: Program): void {
  program.stdout(`${options.json ? JSON.stringify(json) : text}\n`);
}

/** Tells why. `status`: unless the program was interrupted. */
export function fail(error: unknown, status: number, program: Program): number {
  program.stderr(`${renderError(toPullError(error), program.findPage)}\n`);
  if (isDebugging(program) && error instanceof Error) program.stderr(`${redactUrls(error.stack ?? '')}\n`);
  return program.interrupt.exitStatus() ?? status;
}

function isDebugging({ env }: Program): boolean {
  return env.OCI_PULL_DEBUG === '1';
}
