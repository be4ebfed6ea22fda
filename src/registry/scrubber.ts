// Cuts secrets out of what a client fails with: a server may send them back in a host name, a header, a media type.
import { describeError, PullError } from '../errors.ts';
import { HttpError } from '../http/http-error.ts';
import type { Secrets } from '../http/secrets.ts';

export interface Scrubber {
  text(text: string): string;
  /** Does as it is told, and throws the same errors without secrets. */
  call<T>(run: () => Promise<T>): Promise<T>;
  chunks(bytes: AsyncIterable<Uint8Array>): AsyncIterable<Uint8Array>;
}

/** `name`: what the user wrote, and may read again. */
export function createScrubber(secrets: Secrets, name: string): Scrubber {
  const clean = (text: string) => text.split(name).map(secrets.scrub).join(name);

  function scrubbed(error: unknown): unknown {
    if (!(error instanceof PullError)) return error;
    const cause = error.cause === undefined ? '' : describeError(error.cause);
    const [message, hint, told] = [clean(error.message), clean(error.hint), clean(cause)];
    if (message === error.message && hint === error.hint && told === cause) return error;
    const details = { hint, cause: told === cause ? error.cause : new Error(told) };
    if (error instanceof HttpError)
      return new HttpError(error.code, message, { ...error, ...details, fact: clean(error.fact) });
    return new PullError(error.code, message, details);
  }

  return {
    text: clean,
    async call(run) {
      try {
        return await run();
      } catch (error) {
        throw scrubbed(error);
      }
    },
    async *chunks(bytes) {
      try {
        yield* bytes;
      } catch (error) {
        throw scrubbed(error);
      }
    },
  };
}
