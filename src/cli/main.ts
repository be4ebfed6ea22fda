// The command line program, from its arguments to its exit status.
import { cacheCommand } from './cache-command.ts';
import type { Command } from './command.ts';
import { COMMAND_NAMES, type CommandName } from './mistaken-command.ts';
import type { Program } from './program.ts';
import { pullCommand } from './pull-command.ts';
import { diffCommand, inspectCommand } from './survey.ts';

export type { Program } from './program.ts';

/** By first argument. An image of such a name is written with its registry: docker.io/library/diff. */
const COMMANDS: Readonly<Record<CommandName, Command>> = {
  inspect: inspectCommand,
  diff: diffCommand,
  cache: cacheCommand,
};

/** Runs the program and returns its exit status. What begins with no command is a pull. */
export async function main(program: Program): Promise<number> {
  const [name, ...others] = program.argv;
  if (name === 'help') {
    const command = others.length === 1 ? commandOf(others[0]) : undefined;
    if (command) return await command(['--help'], program);
  }
  const command = commandOf(name);
  return await (command ? command(others, program) : pullCommand(program.argv, program));
}

function commandOf(word: string | undefined): Command | undefined {
  const name = COMMAND_NAMES.find((known) => known === word);
  return name && COMMANDS[name];
}
