// A small body, read whole.
import { type HttpAnswer, readBody } from './exchange.ts';
import { networkError } from './network-error.ts';

/** As readBody, but throws HttpError, which knows what all of the attempt took, and PullError ABORTED. */
export async function receiveBody(answer: HttpAnswer, maxBytes: number): ReturnType<typeof readBody> {
  const started = performance.now();
  try {
    return await readBody(answer, maxBytes);
  } catch (error) {
    const took = answer.took + performance.now() - started;
    throw networkError(error, answer.request, { took, via: answer.via });
  }
}
