// Assertions about the one error class.
import { expect } from 'vitest';
import { type ErrorCode, PullError } from '../../src/errors.ts';

/** Runs something that must throw a PullError with this code, and returns the error. */
export function thrown(code: ErrorCode, run: () => unknown): PullError {
  try {
    run();
  } catch (error) {
    if (!(error instanceof PullError)) throw error;
    expect(error).toMatchObject({ code });
    return error;
  }
  throw new Error(`expected ${code}, but nothing was thrown`);
}

/** Like `thrown`, for what settles later. */
export async function rejected(code: ErrorCode, promise: Promise<unknown>): Promise<PullError> {
  const outcome = await promise.then(
    () => new Error(`expected ${code}, but nothing was thrown`),
    (error: unknown) => error,
  );
  return thrown(code, () => {
    throw outcome;
  });
}
