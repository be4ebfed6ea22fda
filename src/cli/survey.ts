// `oci-pull inspect` and `oci-pull diff`: they look at images and make nothing of them.
import { compareImages } from '../pull/compare.ts';
import { inspectImage } from '../pull/inspect.ts';
import type { SurveyOptions } from '../pull/survey.ts';
import { type Answer, createCommand, runWithProgress } from './command.ts';
import { parseSurvey, type SurveyArguments } from './survey-arguments.ts';
import { SURVEY_HELP, SURVEY_USAGE } from './survey-help.ts';
import { otherImage, secondImage } from './survey-names.ts';
import { renderComparison, renderInspection, toComparisonJson, toInspectionJson } from './survey-report.ts';

export const inspectCommand = createSurvey('inspect', 1, async (options, args, cwd) => {
  const from = args.from === undefined ? undefined : otherImage(options.image, args.from, cwd);
  const found = await inspectImage(options, from);
  return { text: renderInspection(found), json: toInspectionJson(found) };
});

export const diffCommand = createSurvey('diff', 2, async (options, args, cwd) => {
  const after = secondImage(args.images[0] ?? '', args.images[1] ?? '', cwd);
  const found = await compareImages(options, after);
  return { text: renderComparison(found), json: toComparisonJson(found) };
});

/** `images`: how many it takes. */
function createSurvey(
  name: keyof typeof SURVEY_USAGE,
  images: number,
  look: (options: SurveyOptions, args: SurveyArguments, cwd: string) => Promise<Answer>,
) {
  return createCommand({
    name: `oci-pull ${name}`,
    usage: SURVEY_USAGE[name],
    help: SURVEY_HELP,
    parse: (argv) => parseSurvey(argv, images),
    run: (args: SurveyArguments, program) =>
      runWithProgress(args.pull, program, (options) => look(options, args, program.cwd)),
  });
}
