import { PassThrough, Readable } from 'node:stream';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readMessages, writeMessage } from '../../src/elevate/frames.ts';
import { rejected } from '../support/pull-error.ts';

const LIMIT = 1 << 20;

function frame(message: unknown): Buffer {
  const output = new PassThrough();
  writeMessage(output, message, LIMIT);
  return output.read() as Buffer;
}

async function readAll(pieces: Iterable<Buffer>, limit = LIMIT): Promise<unknown[]> {
  return Array.fromAsync(readMessages(Readable.from(pieces), limit));
}

function cut(bytes: Buffer, size: number): Buffer[] {
  const count = Math.ceil(bytes.length / size);
  return Array.from({ length: count }, (_, index) => bytes.subarray(index * size, (index + 1) * size));
}

describe('messages', () => {
  it('arrive as they were sent, however the pipe cuts them', async () => {
    const messages = fc.array(fc.anything({ withTypedArray: true, withBigInt: true }), { maxLength: 5 });
    await fc.assert(
      fc.asyncProperty(messages, fc.integer({ min: 1, max: 50 }), async (sent, size) => {
        const bytes = Buffer.concat(sent.map(frame));
        expect(await readAll(cut(bytes, size))).toEqual(sent);
      }),
      { numRuns: 50 },
    );
  });

  it('may hold columns of numbers', async () => {
    const sent = { counters: Uint32Array.of(1, 2), amounts: Float64Array.of(0.5, 2 ** 40) };
    expect(await readAll([frame(sent)])).toEqual([sent]);
  });

  it('may be none', async () => {
    expect(await readAll([])).toEqual([]);
  });

  it.each([1, 3, 5, 9])('that are cut off after %i bytes are a fault', async (length) => {
    await rejected('INTERNAL', readAll([frame('a message').subarray(0, length)]));
  });

  it('larger than agreed upon are refused before they are read', async () => {
    await rejected('INTERNAL', readAll([frame('x'.repeat(200))], 100));
    await rejected('INTERNAL', readAll([Buffer.from([255, 255, 255, 255])]));
  });

  it('larger than agreed upon are not sent', () => {
    const output = new PassThrough();
    expect(() => writeMessage(output, 'x'.repeat(200), 100)).toThrow(
      expect.objectContaining({ code: 'LIMIT_EXCEEDED' }),
    );
    expect(output.readableLength).toBe(0);
  });
});
