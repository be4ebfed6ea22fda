/**
 * What a server says, fit for a line of a log: no line breaks (they could start a workflow command), no escapes, and not
 * endless. `maxLength` in characters.
 */
export function printable(text: string, maxLength: number): string {
  const clean = text.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]+/gu, ' ').trim();
  return clean.length > maxLength ? `${clean.slice(0, maxLength)}…` : clean;
}
