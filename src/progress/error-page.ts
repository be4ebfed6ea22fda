// Where the documentation explains an error code. Pure.
import type { ErrorCode } from '../errors.ts';

/** Relative to the root of this repository. Headings of the page are the codes; their anchors are in lower case. */
export function errorPage(code: ErrorCode): string {
  return `docs/errors.md#${code.toLowerCase()}`;
}
