import { describe, expect, it } from 'vitest';
import type { TarEntry, TarHandler } from '../../src/tar/entry.ts';
import { createTocReader } from '../../src/unpack/toc-reader.ts';
import { thrown } from '../support/pull-error.ts';
import { file, tar } from '../support/tar-builder.ts';
import { tocLayer } from '../support/toc-layer.ts';

const LAYER = tocLayer(tar(file('a', 'first'), file('empty'), file('b', 'second'), file('c', 'third')));

/** What a reader tells, in words. */
function told(flags: readonly number[], pieces: readonly string[], isFinished = true): string[] {
  const events: string[] = [];
  const handler: TarHandler = {
    entry: ({ path }: TarEntry) => events.push(`entry ${path}`),
    data: (bytes, position) => events.push(`${position} ${Buffer.from(bytes).toString()}`),
    end: () => events.push('end'),
  };
  const reader = createTocReader({ entries: LAYER.entries, flags: Uint8Array.from(flags) }, handler);
  for (const piece of pieces) reader.push(Buffer.from(piece));
  if (isFinished) reader.finish();
  return events;
}

describe('createTocReader', () => {
  it('hands over all entries in order, and the content of those files that comes', () => {
    expect(told([1, 0, 0, 1], ['firstthird'])).toEqual([
      'entry a',
      '0 first',
      'end',
      'entry empty',
      'entry b',
      'entry c',
      '0 third',
      'end',
    ]);
  });

  it('takes the content in any slices', () => {
    expect(told([0, 0, 1, 1], ['se', 'condth', '', 'ird']).filter((event) => /^\d/.test(event))).toEqual([
      '0 se',
      '2 cond',
      '0 th',
      '2 ird',
    ]);
  });

  it('ends a file that is empty without any content', () => {
    expect(told([0, 1, 0, 0], [])).toEqual(['entry a', 'entry empty', 'end', 'entry b', 'entry c']);
  });

  it.each([
    ['ends inside of a file', [1, 0, 0, 1], ['firstth']],
    ['ends before the last file', [1, 0, 0, 1], ['first']],
    ['goes on behind the last file', [1, 0, 0, 0], ['firstx']],
  ])('fails where the content %s', (_, flags, pieces) => {
    thrown('TAR_INVALID', () => told(flags, pieces));
  });
});
