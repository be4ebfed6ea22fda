// `oci-pull inspect` and `oci-pull diff`: they look at images and make nothing of them.
import { redactUrls, toPullError } from '../errors.ts';
import { parseImageName } from '../oci/image-name.ts';
import { compareImages } from '../pull/compare.ts';
import { inspectImage } from '../pull/inspect.ts';
import type { SurveyOptions } from '../pull/survey.ts';
import { toAbsolute, toPullOptions } from './options.ts';
import type { Program } from './program.ts';
import { renderError } from './report.ts';
import { Reporter } from './reporter.ts';
import { parseSurvey, type SurveyArguments } from './survey-arguments.ts';
import { SURVEY_HELP, SURVEY_USAGE } from './survey-help.ts';
import { otherTag } from './survey-names.ts';
import { renderComparison, renderInspection, toComparisonJson, toInspectionJson } from './survey-report.ts';

const [DONE, FAILED, WRONG_USAGE] = [0, 1, 2];

/** What is printed, for people and for programs. */
interface Answer {
  readonly text: string;
  readonly json: unknown;
}

export function inspectCommand(argv: readonly string[], program: Program): Promise<number> {
  return runSurvey(argv, program, { images: 1, usage: SURVEY_USAGE.inspect }, async (options, args) => {
    const from = args.from === undefined ? undefined : otherTag(options.image, args.from);
    const found = await inspectImage(options, from);
    return { text: renderInspection(found), json: toInspectionJson(found) };
  });
}

export function diffCommand(argv: readonly string[], program: Program): Promise<number> {
  return runSurvey(argv, program, { images: 2, usage: SURVEY_USAGE.diff }, async (options, args) => {
    const after = toAbsolute(parseImageName(args.images[1] ?? ''), program.cwd);
    const found = await compareImages(options, after);
    return { text: renderComparison(found), json: toComparisonJson(found) };
  });
}

async function runSurvey(
  argv: readonly string[],
  program: Program,
  { images, usage }: { readonly images: number; readonly usage: string },
  answer: (options: SurveyOptions, args: SurveyArguments) => Promise<Answer>,
): Promise<number> {
  const args = parseSurvey(argv.slice(1), images);
  if (typeof args === 'string') {
    program.stderr(`error: ${args}\n${usage}\n`);
    return WRONG_USAGE;
  }
  if (args.help) {
    program.stdout(`${SURVEY_HELP}\n`);
    return DONE;
  }
  const { interrupt, env } = program;
  const debug = env.OCI_PULL_DEBUG === '1';
  const reporter = new Reporter({
    write: program.stderr,
    columns: program.columns,
    quiet: args.pull.quiet,
    debug,
  });
  let status = WRONG_USAGE;
  try {
    const options = await toPullOptions(args.pull, { ...program, signal: interrupt.signal });
    status = FAILED;
    const { text, json } = await answer({ ...options, emit: reporter.emit, signal: interrupt.signal }, args);
    reporter.stop();
    program.stdout(`${args.pull.json ? JSON.stringify(json) : text}\n`);
    return DONE;
  } catch (error) {
    reporter.stop();
    program.stderr(`${renderError(toPullError(error))}\n`);
    if (debug && error instanceof Error) program.stderr(`${redactUrls(error.stack ?? '')}\n`);
    return interrupt.exitStatus() ?? status;
  }
}
