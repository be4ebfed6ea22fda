// `oci-pull IMAGE DESTINATION`.
import { parsePull } from './arguments.ts';
import { createCommand, runWithProgress } from './command.ts';
import { HELP, USAGE } from './help.ts';
import { renderReport, toJson } from './report.ts';

export const pullCommand = createCommand({
  name: 'oci-pull',
  usage: USAGE,
  help: HELP,
  parse: parsePull,
  run: (args, program) =>
    runWithProgress(args, program, async (options) => {
      const result = await program.pull(options);
      return { text: renderReport(result), json: toJson(result) };
    }),
});
