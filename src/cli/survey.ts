// `oci-pull inspect` and `oci-pull diff`: they look at images and make nothing of them.
import { parseImageName } from '../oci/image-name.ts';
import { compareImages } from '../pull/compare.ts';
import { inspectImage } from '../pull/inspect.ts';
import type { SurveyOptions } from '../pull/survey.ts';
import { type Answer, createCommand, runWithProgress } from './command.ts';
import { toAbsolute } from './options.ts';
import { parseSurvey, type SurveyArguments } from './survey-arguments.ts';
import { SURVEY_HELP, SURVEY_USAGE } from './survey-help.ts';
import { otherImage } from './survey-names.ts';
import { renderComparison, renderInspection, toComparisonJson, toInspectionJson } from './survey-report.ts';

export const inspectCommand = createSurvey('inspect', 1, async (options, args, cwd) => {
  const from = args.from === undefined ? undefined : otherImage(options.image, args.from, cwd);
  const found = await inspectImage(options, from);
  return { text: renderInspection(found), json: toInspectionJson(found) };
});

export const diffCommand = createSurvey('diff', 2, async (options, args, cwd) => {
  const after = toAbsolute(parseImageName(args.images[1] ?? ''), cwd);
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
    usage: SURVEY_USAGE[name],
    help: SURVEY_HELP,
    parse: (argv) => parseSurvey(argv, images),
    run: (args: SurveyArguments, program) =>
      runWithProgress(args.pull, program, (options) => look(options, args, program.cwd)),
  });
}
