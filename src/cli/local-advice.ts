// For an image that no registry has, and that has the name of something on this machine.
import { existsSync, statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { type ErrorCode, PullError } from '../errors.ts';

const MISSING: ReadonlySet<ErrorCode> = new Set([
  'REFERENCE_INVALID',
  'NOT_FOUND',
  'UNAUTHORIZED',
  'REGISTRY_UNAVAILABLE',
]);

/** The error, with a hint how to name what lies at `image`, as it was written, where something does. */
export function adviseLocal(error: unknown, image: string, cwd: string): unknown {
  if (!(error instanceof PullError) || !MISSING.has(error.code)) return error;
  const path = resolve(cwd, image);
  // Never throws, as the other does where a name is too long or a directory closed.
  const found = existsSync(path) ? statSync(path, { throwIfNoEntry: false }) : undefined;
  if (!found || (found.isDirectory() && !existsSync(join(path, 'index.json')))) return error;
  const { code, message, hint, cause } = error;
  const advice = found.isDirectory()
    ? `For the layout in the directory of this name write oci:${image}.`
    : `For the file of this name write oci-archive:${image}, or docker-archive:${image}.`;
  return new PullError(code, message, { hint: `${hint} ${advice}`, cause });
}
