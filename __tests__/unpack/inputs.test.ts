// Readers of files that are still being filled: whatever comes when, they hand out what belongs there.
import { randomBytes } from 'node:crypto';
import { closeSync, openSync, truncateSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { setImmediate as turn } from 'node:timers/promises';
import { zstdCompressSync } from 'node:zlib';
import fc from 'fast-check';
import { afterEach, describe, expect, it } from 'vitest';
import { InputFiles, readBlob } from '../../src/unpack/inputs.ts';
import { decodePiece } from '../../src/unpack/piece.ts';
import { RunReader } from '../../src/unpack/run-reader.ts';
import { ProgressBoard } from '../../src/workers/progress-board.ts';
import { rejected } from '../support/pull-error.ts';
import { collector } from '../support/slices.ts';
import { temporaryDirectories } from '../support/temporary.ts';

const newDirectory = temporaryDirectories();
const opened: InputFiles[] = [];
afterEach(() => {
  for (const files of opened.splice(0)) files.close();
});

interface Frame {
  readonly content: Buffer;
  readonly stored: Buffer;
}

const frames = Array.from({ length: 40 }, (_, index): Frame => {
  const content = Buffer.concat([Buffer.alloc(index * 500, index), randomBytes(1 + ((index * 7919) % 9000))]);
  return { content, stored: zstdCompressSync(content) };
});

/**
 * Frames are dealt to files: to three that arrive, with counters 0 to 2, and to one that is whole. `layout`: the file of each frame.
 * Files that arrive have their full size from the beginning, and nothing in them.
 */
function deal(layout: readonly number[]) {
  const directory = newDirectory();
  const paths = [0, 1, 2, 3].map((file) => join(directory, `${file}`));
  const contents = paths.map(() => [] as Buffer[]);
  const ends = paths.map(() => 0);
  const at = layout.map((file, index) => {
    const { stored } = frames[index] as Frame;
    const offset = ends[file] as number;
    contents[file]?.push(stored);
    ends[file] = offset + stored.length;
    return { file, offset, compressedSize: stored.length };
  });
  const bytes = contents.map((parts) => Buffer.concat(parts));
  for (const [file, path] of paths.entries()) {
    writeFileSync(path, file === 3 ? (bytes[file] as Buffer) : '');
    if (file !== 3) truncateSync(path, bytes[file]?.length);
  }
  const board = ProgressBoard.create(3);
  const files = new InputFiles({ files: paths, arriving: [0, 1, 2, -1] }, board);
  opened.push(files);
  return { paths, bytes, at, board, files };
}

type Dealt = ReturnType<typeof deal>;

/** Fills the files from front to back, with steps of these files and sizes; then what is left. */
async function fill({ paths, bytes, board }: Dealt, steps: readonly (readonly [number, number])[]) {
  const done = [0, 0, 0];
  const rest = [0, 1, 2].map((file) => [file, Number.POSITIVE_INFINITY] as const);
  for (const [file, length] of [...steps, ...rest]) {
    const all = bytes[file] as Buffer;
    const from = done[file] as number;
    const part = all.subarray(from, Math.min(all.length, from + length));
    const descriptor = openSync(paths[file] as string, 'r+');
    writeSync(descriptor, part, 0, part.length, from);
    closeSync(descriptor);
    done[file] = from + part.length;
    if (part.length > 0) board.add(file, part.length);
    await turn();
  }
}

/** In runs of neighbours, all of the chunks in their order. */
async function readRuns({ at, files, board }: Dealt): Promise<Buffer> {
  const column = (value: (index: number) => number) => Float64Array.from(at.keys(), value);
  const columns = {
    files: Uint32Array.from(at, ({ file }) => file),
    offsets: column((index) => at[index]?.offset ?? 0),
    compressedSizes: column((index) => at[index]?.compressedSize ?? 0),
    sizes: column((index) => frames[index]?.content.length ?? 0),
    groups: new Int32Array(at.length).fill(-1),
    ready: new Float64Array(at.length),
  };
  const output = collector();
  const reader = new RunReader(columns, files, board);
  for (const index of at.keys()) await reader.emit(index, output.sink);
  return output.bytes();
}

const blobAt = ({ at }: Dealt, index: number) => ({
  ...(at[index] as Dealt['at'][number]),
  groups: [],
  groupBytes: 1,
});

async function readPieces(dealt: Dealt): Promise<Buffer> {
  const { at, files, board } = dealt;
  const output = collector();
  for (const index of at.keys()) await decodePiece({ files, board, blob: blobAt(dealt, index) }, output.sink);
  return output.bytes();
}

async function readBlobs(dealt: Dealt): Promise<Buffer> {
  const { at, files, board } = dealt;
  const parts: Buffer[] = [];
  for (const index of at.keys())
    for await (const bytes of readBlob(files, blobAt(dealt, index), board)) parts.push(Buffer.from(bytes));
  return Buffer.concat(parts);
}

const decoded = Buffer.concat(frames.map(({ content }) => content));
const stored = Buffer.concat(frames.map((frame) => frame.stored));
const READERS: readonly [string, (dealt: Dealt) => Promise<Buffer>, Buffer][] = [
  ['runs of chunks', readRuns, decoded],
  ['chunks one by one', readPieces, decoded],
  ['blobs', readBlobs, stored],
];

describe.each(READERS)('%s of files that arrive', (_, read, expected) => {
  const layouts = fc.array(fc.nat(3), { minLength: frames.length, maxLength: frames.length });
  const steps = fc.array(fc.tuple(fc.nat(2), fc.integer({ min: 1, max: 60_000 })), { maxLength: 40 });

  it('are what they are, in whatever order their bytes come', async () => {
    await fc.assert(
      fc.asyncProperty(layouts, steps, async (layout, arrival) => {
        const dealt = deal(layout);
        const [bytes] = await Promise.all([read(dealt), fill(dealt, arrival)]);
        expect(bytes.equals(expected)).toBe(true);
      }),
      { numRuns: 40 },
    );
  });

  it('are waited for no longer once the pull is cancelled', async () => {
    const dealt = deal(frames.map((_frame, index) => index % 3));
    const reading = read(dealt);
    await turn();
    dealt.board.abort();
    await rejected('ABORTED', reading);
  });
});

it('a file that is not said to arrive is read as it is', async () => {
  const dealt = deal(frames.map(() => 3));
  expect((await readRuns(dealt)).equals(decoded)).toBe(true);
  expect(dealt.files.whenThere(3, Number.MAX_SAFE_INTEGER)).toBeUndefined();
});
