// The command line program, from its arguments to its exit status.
import { PullError, redactUrls, toPullError } from '../errors.ts';
import type { PullOptions } from '../pull/options.ts';
import { type PullArguments, parseCommand } from './arguments.ts';
import type { CacheArguments } from './cache-arguments.ts';
import { lookAfterCache } from './cache-command.ts';
import { findCommand } from './commands.ts';
import { CACHE_HELP, CACHE_USAGE, HELP, USAGE } from './help.ts';
import { toPullOptions } from './options.ts';
import type { Program } from './program.ts';
import { renderError, renderReport, toJson } from './report.ts';
import { Reporter } from './reporter.ts';
import { VERSION } from './version.ts';

export type { Program } from './program.ts';

const DONE = 0;
const FAILED = 1;
const WRONG_USAGE = 2;

/** Runs the program and returns its exit status. */
export async function main(program: Program): Promise<number> {
  const other = findCommand(program.argv);
  if (other) return await other(program.argv, program);
  const command = parseCommand(program.argv);
  switch (command.kind) {
    case 'help':
      program.stdout(`${HELP}\n`);
      return DONE;
    case 'version':
      program.stdout(`${VERSION}\n`);
      return DONE;
    case 'usage':
      program.stderr(`error: ${command.message}\n${program.argv[0] === 'cache' ? CACHE_USAGE : USAGE}\n`);
      return WRONG_USAGE;
    case 'cache-help':
      program.stdout(`${CACHE_HELP}\n`);
      return DONE;
    case 'cache':
      return await runCache(command.arguments, program);
    case 'pull':
      return await runPull(command.arguments, program);
  }
}

async function runPull(args: PullArguments, program: Program): Promise<number> {
  let options: Omit<PullOptions, 'emit' | 'signal'>;
  try {
    options = await toPullOptions(args, { ...program, signal: program.interrupt.signal });
  } catch (error) {
    return fail(error, program.interrupt.exitStatus() ?? WRONG_USAGE, program);
  }
  const reporter = new Reporter({
    write: program.stderr,
    columns: program.columns,
    quiet: args.quiet,
    debug: isDebugging(program),
  });
  try {
    const { interrupt } = program;
    const result = await program.pull({ ...options, emit: reporter.emit, signal: interrupt.signal });
    reporter.stop();
    program.stdout(`${args.json ? JSON.stringify(toJson(result)) : renderReport(result)}\n`);
    return DONE;
  } catch (error) {
    reporter.stop();
    return fail(error, program.interrupt.exitStatus() ?? FAILED, program);
  }
}

async function runCache(args: CacheArguments, program: Program): Promise<number> {
  const { interrupt } = program;
  try {
    const report = await lookAfterCache(args, program, interrupt.signal);
    program.stdout(`${args.json ? JSON.stringify(report.json) : report.text}\n`);
    return report.isDamaged ? FAILED : DONE;
  } catch (error) {
    const isWrong = error instanceof PullError && error.code === 'INPUT_INVALID';
    return fail(error, interrupt.exitStatus() ?? (isWrong ? WRONG_USAGE : FAILED), program);
  }
}

function isDebugging({ env }: Program): boolean {
  return env.OCI_PULL_DEBUG === '1';
}

function fail(error: unknown, status: number, program: Program): number {
  program.stderr(`${renderError(toPullError(error))}\n`);
  if (isDebugging(program) && error instanceof Error) program.stderr(`${redactUrls(error.stack ?? '')}\n`);
  return status;
}
