// A Send for blob traffic: each request holds a slot of its origin until its body has ended, failed, or been given up.
import type { HttpAnswer, Send } from './exchange.ts';
import { HttpError } from './http-error.ts';
import type { OriginSlots } from './origin-slots.ts';

/** By these a server says that it has too much to do. */
const OVERLOADED: ReadonlySet<number> = new Set([429, 503]);

export function withSlots(send: Send, slots: OriginSlots): Send {
  return async (request) => {
    const slot = await slots.acquire(request.url.origin, request.signal);
    let answer: HttpAnswer;
    try {
      answer = await send(request);
    } catch (error) {
      if (error instanceof HttpError && error.retry !== 'never') slot.trouble();
      slot.release();
      throw error;
    }
    if (OVERLOADED.has(answer.status)) slot.trouble();
    else if (answer.status < 400) slot.accepted();
    const release = () => {
      if (answer.watch.isFinished) slot.finished();
      slot.release();
    };
    // A body that is closed already has told its listeners; one that was never read closes when its request is aborted.
    if (answer.body.closed) release();
    else answer.body.once('close', release);
    return answer;
  };
}
