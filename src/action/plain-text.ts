// Text from images and registries, made harmless for the places where the action prints it.
import { asInputs } from '../progress/option-names.ts';
import { MAX_LENGTH, oneLine } from '../progress/plain-text.ts';

/**
 * Options as inputs, on one line without control characters, not endless, and without the marks of workflow commands. The runner acts on `##[` anywhere
 * in a line and on `::` at its start: https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-commands
 */
export function forLog(text: string): string {
  return oneLine(asInputs(text))
    .replaceAll('##[', '# #[')
    .replace(/^\s*::/, ' : :');
}

/**
 * For Markdown outside of code: whatever could be markup becomes a character reference, which is never markup. The result has
 * at most eight characters for each of the text's.
 */
export function forMarkdown(text: string, maxLength = MAX_LENGTH): string {
  return oneLine(text, maxLength)
    .replace(/[^\p{L}\p{M}\p{N} .,:;/+=()-]/gu, (char) => `&#${char.codePointAt(0)};`)
    .replaceAll('://', '&#58;//');
}
