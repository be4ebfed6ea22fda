// Messages over a pipe between two processes of this program: a length of four bytes, then the message as V8 writes it.
import type { Writable } from 'node:stream';
import v8 from 'node:v8';
import { PullError } from '../errors.ts';

const HEADER_BYTES = 4;

/** Throws LIMIT_EXCEEDED, before anything is written, where the message takes more than `maxBytes`. */
export function writeMessage(output: Writable, message: unknown, maxBytes: number): void {
  const body = v8.serialize(message);
  if (body.length > maxBytes)
    throw new PullError(
      'LIMIT_EXCEEDED',
      `a message of ${body.length} bytes is larger than ${maxBytes} bytes`,
    );
  const header = Buffer.alloc(HEADER_BYTES);
  header.writeUInt32LE(body.length);
  output.cork();
  output.write(header);
  output.write(body);
  output.uncork();
}

/** Ends with the stream. Throws INTERNAL where it is cut off inside of a message, or a message is larger than `maxBytes`. */
export async function* readMessages(input: AsyncIterable<Buffer>, maxBytes: number): AsyncGenerator<unknown> {
  let target = Buffer.alloc(HEADER_BYTES);
  let [filled, isHeader] = [0, true];
  for await (const piece of input) {
    for (let at = 0; at < piece.length; ) {
      const step = piece.copy(target, filled, at);
      filled += step;
      at += step;
      if (filled < target.length) continue;
      if (isHeader) target = bodyFor(target, maxBytes);
      else {
        yield v8.deserialize(target);
        target = Buffer.alloc(HEADER_BYTES);
      }
      [filled, isHeader] = [0, !isHeader];
    }
  }
  if (filled > 0 || !isHeader)
    throw new PullError('INTERNAL', 'the other process stopped inside of a message');
}

function bodyFor(header: Buffer, maxBytes: number): Buffer<ArrayBuffer> {
  const length = header.readUInt32LE();
  if (length === 0 || length > maxBytes)
    throw new PullError('INTERNAL', `the other process announced a message of ${length} bytes`);
  return Buffer.allocUnsafeSlow(length);
}
