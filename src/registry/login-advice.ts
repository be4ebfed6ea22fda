// For a refusal without a credential: what is known of the login that was not found.
import { HttpError, rehinted } from '../http/http-error.ts';

/** The error, with the advice before its hint where it says that somebody unknown was refused. `registry`: the image's own. */
export async function adviseLogin(
  error: unknown,
  registry: string,
  advice: (registry: string) => Promise<string | undefined>,
): Promise<unknown> {
  if (!(error instanceof HttpError) || error.credentialSource !== undefined) return error;
  if (error.code !== 'UNAUTHORIZED' && error.code !== 'NOT_FOUND') return error;
  const known = await advice(registry);
  return known === undefined ? error : rehinted(error, `${known} ${error.hint}`);
}
