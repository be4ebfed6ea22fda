// A line for each request, for whoever looks for a fault.
import { redactUrls } from '../errors.ts';
import type { HttpRequest } from './exchange.ts';
import type { Secrets } from './secrets.ts';

export type Log = (message: string) => void;

/** `status`: absent where no answer came. Queries, credentials and other headers than the range are left out. */
export function logExchange(
  { debug, secrets }: { readonly debug?: Log | undefined; readonly secrets: Secrets },
  { url, method = 'GET', headers }: HttpRequest,
  { took, status }: { readonly took: number; readonly status?: number },
): void {
  if (!debug) return;
  const range = headers.range === undefined ? '' : ` ${headers.range}`;
  const target = secrets.scrub(redactUrls(url.href));
  debug(`${method} ${target}${range}: ${status ?? 'no answer'}, ${Math.round(took)} ms`);
}
