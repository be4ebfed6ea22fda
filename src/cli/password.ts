// The password of --password-stdin.
import { PullError } from '../errors.ts';

/** Longer than any token of a registry. */
export const MAX_PASSWORD_BYTES = 64 * 1024;

/** Reads all of `input` and drops one line break at its end. Throws INPUT_INVALID when it is empty or far too long, ABORTED at the signal. */
export function readPassword(
  input: AsyncIterable<Uint8Array | string>,
  signal: AbortSignal,
): Promise<string> {
  const aborted = Promise.withResolvers<never>();
  const onAbort = () => aborted.reject(new PullError('ABORTED', 'cancelled while waiting for the password'));
  signal.addEventListener('abort', onAbort, { once: true });
  return Promise.race([readAll(input), aborted.promise]).finally(() =>
    signal.removeEventListener('abort', onAbort),
  );
}

async function readAll(input: AsyncIterable<Uint8Array | string>): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of input) {
    const buffer = Buffer.from(chunk);
    bytes += buffer.length;
    if (bytes > MAX_PASSWORD_BYTES) throw invalid(`is longer than ${MAX_PASSWORD_BYTES} bytes`);
    chunks.push(buffer);
  }
  const password = Buffer.concat(chunks)
    .toString('utf8')
    .replace(/\r?\n$/, '');
  if (password === '') throw invalid('is empty');
  return password;
}

function invalid(fault: string): PullError {
  return new PullError('INPUT_INVALID', `the password on standard input ${fault}`, {
    hint: 'Pipe the password in, for example: printf %s "$TOKEN" | oci-pull … --password-stdin',
  });
}
