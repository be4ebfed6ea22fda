import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { InputFiles } from '../../src/unpack/inputs.ts';
import { type ChunkColumns, gatherRun, isAlone, RUN_BYTES, runEnd } from '../../src/unpack/run.ts';
import { ProgressBoard } from '../../src/workers/progress-board.ts';
import { temporaryDirectories } from '../support/temporary.ts';

const newDirectory = temporaryDirectories();
const MiB = 1 << 20;

interface Stored {
  readonly file?: number;
  readonly offset?: number;
  readonly stored: number;
  readonly size?: number;
  readonly innerOffset?: number;
  readonly isGap?: boolean;
}

function columnsOf(chunks: readonly Stored[]): ChunkColumns {
  return {
    files: Uint32Array.from(chunks, ({ file = 0 }) => file),
    offsets: Float64Array.from(chunks, ({ offset = 0 }) => offset),
    compressedSizes: Float64Array.from(chunks, ({ stored }) => stored),
    sizes: Float64Array.from(chunks, ({ size = 1 }) => size),
    groups: new Int32Array(chunks.length).fill(-1),
    ready: new Float64Array(chunks.length),
    innerOffsets: Float64Array.from(chunks, ({ innerOffset = -1 }) => innerOffset),
    gaps: Uint8Array.from(chunks, ({ isGap = false }) => Number(isGap)),
  };
}

describe('a run', () => {
  it.each<[string, Stored[], number]>([
    ['goes on in another file', [{ stored: 10 }, { file: 1, stored: 10 }], 2],
    ['goes on behind something that is no chunk', [{ stored: 10 }, { offset: 99, stored: 10 }], 2],
    [
      'goes on before what it has',
      [
        { offset: 99, stored: 10 },
        { offset: 0, stored: 10 },
      ],
      2,
    ],
    ['ends with the chunks', [{ stored: 10 }], 1],
    ['ends before it holds more than a run', [{ stored: RUN_BYTES }, { stored: 1 }], 1],
    ['holds a chunk that is larger than a run', [{ stored: 2 * RUN_BYTES }, { stored: 1 }], 1],
    [
      'ends before it decodes to more than 1 MiB',
      [
        { stored: 1, size: MiB },
        { stored: 1, size: 1 },
      ],
      1,
    ],
    ['ends before a part of a member', [{ stored: 10 }, { stored: 10, innerOffset: 0 }], 1],
    ['ends before a gap', [{ stored: 10 }, { stored: 10, isGap: true }], 1],
    ['ends before a chunk of more than 32 MiB', [{ stored: 10 }, { stored: 10, size: 32 * MiB + 1 }], 1],
  ])('%s', (_, chunks, end) => {
    expect(runEnd(columnsOf(chunks), 0)).toBe(end);
  });

  it('may begin with a chunk of 32 MiB and not with a larger one', () => {
    const chunks = columnsOf([
      { stored: 1, size: 32 * MiB },
      { stored: 1, size: 32 * MiB + 1 },
    ]);
    expect([isAlone(chunks, 0), isAlone(chunks, 1)]).toEqual([false, true]);
  });

  it('gathers its chunks one right after the other, wherever they are stored', () => {
    const contents = ['first file: abcdefghijklm', 'second file: 0123456789'].map((text) =>
      Buffer.from(text),
    );
    const paths = contents.map((bytes, index) => {
      const path = join(newDirectory(), `pack-${index}`);
      writeFileSync(path, bytes);
      return path;
    });
    const chunk = fc
      .record({ file: fc.nat(1), offset: fc.nat(20), stored: fc.nat(12) })
      .map(({ file, offset, stored }) => ({
        file,
        offset,
        stored: Math.min(stored, (contents[file] as Buffer).length - offset),
      }));
    const files = new InputFiles({ files: paths }, ProgressBoard.create(0));
    try {
      fc.assert(
        fc.property(fc.array(chunk, { minLength: 1, maxLength: 12 }), (chunks) => {
          const parts = chunks.map(({ file, offset, stored }) =>
            (contents[file] as Buffer).subarray(offset, offset + stored),
          );
          const memory = Buffer.alloc(Buffer.concat(parts).length, '!');
          gatherRun(columnsOf(chunks), 0, chunks.length, files, memory);
          expect(memory.toString()).toBe(Buffer.concat(parts).toString());
        }),
      );
    } finally {
      files.close();
    }
  });
});
