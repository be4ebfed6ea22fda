// Text from images and registries, before it is shown to anybody.

/** Characters of one shown text. */
export const MAX_LENGTH = 2000;

/** One line without control characters, and not endless: foreign text must neither move a cursor nor fill a screen. */
export function oneLine(text: string, maxLength = MAX_LENGTH): string {
  const short = text.length > maxLength ? `${text.slice(0, maxLength)}…` : text;
  return short.toWellFormed().replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]+/gu, ' ');
}
