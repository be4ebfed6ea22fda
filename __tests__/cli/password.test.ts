import { Readable } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { MAX_PASSWORD_BYTES, readPassword } from '../../src/cli/password.ts';

const read = (...chunks: (string | Uint8Array)[]) =>
  readPassword(Readable.from(chunks), new AbortController().signal);

describe('readPassword', () => {
  it.each([
    ['no line break', ['secret'], 'secret'],
    ['one line break', ['secret\n'], 'secret'],
    ['a Windows line break', ['secret\r\n'], 'secret'],
    ['two line breaks', ['secret\n\n'], 'secret\n'],
    ['blanks, which belong to it', [' se cret '], ' se cret '],
    ['a letter cut between two chunks', [Buffer.from([0xc3]), Buffer.from([0xa9])], 'é'],
  ])('reads a password with %s', async (_, chunks, expected) => {
    expect(await read(...chunks)).toBe(expected);
  });

  it.each([
    ['an empty one', ['']],
    ['nothing but a line break', ['\n']],
    ['one that never ends', ['x'.repeat(MAX_PASSWORD_BYTES), 'x']],
  ])('refuses %s', async (_, chunks) => {
    await expect(read(...chunks)).rejects.toMatchObject({ code: 'INPUT_INVALID' });
  });

  it('stops waiting when it is cancelled', async () => {
    const cancel = new AbortController();
    const reading = readPassword(new Readable({ read: () => undefined }), cancel.signal);
    cancel.abort();
    await expect(reading).rejects.toMatchObject({ code: 'ABORTED' });
  });
});
