// Damaged compressed data: it is decoded or refused, and never grows beyond what was allowed.
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { decompress } from '../../src/compression/decompress.ts';
import { decodeFrames } from '../../src/compression/zstd.ts';
import { type FrameInfo, FrameWalker, scanFrames } from '../../src/compression/zstd-frames.ts';
import { PullError } from '../../src/errors.ts';
import { collector, slices, streamOf } from '../support/slices.ts';
import { bomb, buildFrame, skippableFrame } from '../support/zstd-frame.ts';
import { openDescriptors } from './arena.ts';
import { byteEdit, editBytes } from './byte-edits.ts';
import { compressedSamples } from './samples.ts';
import { fuzz, isReplay, TIMEOUT } from './settings.ts';
import { fateOf, peakMemory } from './survive.ts';
import { startWatchdog, type Watchdog } from './watchdog.ts';

const MIB = 1 << 20;
const MAX_OUTPUT = 24 * MIB;
/** A decoder may have a window of 128 MiB and a batch of 64 MiB in memory. */
const MEMORY_GROWTH = 512 * MIB;

let watchdog: Watchdog;
let samples: Buffer[];
beforeAll(() => {
  watchdog = startWatchdog();
  const built = [
    Buffer.concat([bomb(8), skippableFrame(Buffer.alloc(40)), bomb(2, 5)]),
    buildFrame({
      blocks: [{ kind: 'raw', bytes: Buffer.alloc(700, 1) }],
      contentSizeBytes: 2,
      checksum: false,
    }),
    buildFrame({
      blocks: [
        { kind: 'rle', size: 3000 },
        { kind: 'raw', bytes: Buffer.alloc(9) },
      ],
      singleSegment: true,
      contentSizeBytes: 4,
    }),
  ];
  samples = [...built, ...compressedSamples('/outside')];
});
afterAll(() => watchdog[Symbol.asyncDispose]());

const mutants = fc.record({
  sample: fc.nat(1000),
  edits: fc.array(byteEdit, { maxLength: 4 }),
  lengths: fc.array(fc.integer({ min: 1, max: 5000 }), { minLength: 1, maxLength: 4 }),
});

function bytesOf({
  sample,
  edits,
}: {
  sample: number;
  edits: readonly Parameters<typeof editBytes>[1][];
}): Buffer {
  return edits.reduce<Buffer>(editBytes, samples[sample % samples.length] ?? Buffer.alloc(0));
}

describe('damaged compressed layers', () => {
  it(
    'are decoded or refused, into no more than the sink takes',
    async () => {
      const [descriptors, memory] = [openDescriptors(), peakMemory()];
      const kinds = new Set<string>();
      await fuzz(mutants, 500, async (mutant) => {
        watchdog.beat(`decompress ${JSON.stringify(mutant)}`);
        const input = bytesOf(mutant);
        let size = 0;
        let isFull = false;
        const sink = (bytes: Uint8Array) => {
          expect(isFull, 'the sink is called again after it threw').toBe(false);
          size += bytes.length;
          isFull = size > MAX_OUTPUT;
          if (isFull) throw new PullError('LIMIT_EXCEEDED', 'enough');
        };
        const long = mutant.lengths.map((length) => Math.max(length, input.length >> 10));
        const fate = await fateOf(() => decompress(streamOf(input, long), sink));
        kinds.add(fate.kind);
        expect(fate.kind === 'refused' || !isFull).toBe(true);
      });
      expect(openDescriptors()).toBeLessThanOrEqual(descriptors);
      expect(peakMemory() - memory).toBeLessThan(MEMORY_GROWTH);
      if (!isReplay) expect([...kinds].sort()).toEqual(['refused', 'taken']);
    },
    TIMEOUT,
  );
});

describe('damaged zstd frames', () => {
  const sizes = fc.oneof(fc.constantFrom(0, 1, 3000, 1 << 20, 2 ** 40), fc.nat(70_000));

  it(
    'give exactly what was announced or are refused, by both decoders alike',
    async () => {
      const memory = peakMemory();
      await fuzz(fc.tuple(mutants, sizes, fc.boolean()), 400, async ([mutant, any, isAny]) => {
        watchdog.beat(`frames ${JSON.stringify(mutant)} ${any} ${isAny}`);
        const input = bytesOf(mutant).subarray(0, 256 << 10);
        const size = isAny ? any : await sizeOf(input);
        const native = await fateOf(() => decodeFrames(input, size));
        const builtIn = await fateOf(() => decodeFrames(input, size, () => undefined));
        if (native.kind === 'taken') expect(native.value).toHaveLength(size);
        expect(builtIn.kind).toBe(native.kind);
        if (native.kind === 'taken' && builtIn.kind === 'taken')
          expect(Buffer.compare(native.value, builtIn.value)).toBe(0);
      });
      expect(peakMemory() - memory).toBeLessThan(MEMORY_GROWTH);
    },
    TIMEOUT,
  );

  it(
    'are found to be the same however they are cut, and to fill their buffer',
    async () => {
      await fuzz(mutants, 2000, async (mutant) => {
        watchdog.beat(`scan ${JSON.stringify(mutant)}`);
        const input = bytesOf(mutant);
        const fate = await fateOf(() => scanFrames(input));
        const cuts = mutant.lengths.map((length) => Math.max(length, input.length >> 10));
        expect(await fateOf(() => framesOf(slices(input, cuts)))).toEqual(fate);
        if (fate.kind === 'refused') return;
        const total = fate.value.reduce((sum, { compressedSize }) => sum + compressedSize, 0);
        expect(total).toBe(input.length);
        expect(fate.value.every(({ blockBound }) => blockBound <= (input.length + 1) * (128 << 10))).toBe(
          true,
        );
      });
    },
    TIMEOUT,
  );
});

function framesOf(parts: readonly Uint8Array[]): FrameInfo[] {
  const walker = new FrameWalker();
  const frames: FrameInfo[] = [];
  for (const part of parts)
    for (let at = 0; at < part.length; ) {
      const { consumed, frame } = walker.advance(part, at);
      at += consumed;
      if (frame) frames.push(frame);
    }
  if (walker.pending > 0) throw new PullError('TAR_INVALID', 'cut off');
  return frames;
}

/** What the frames hold, if they can be decoded at all. */
async function sizeOf(input: Buffer): Promise<number> {
  const output = collector();
  const fate = await fateOf(async () => {
    scanFrames(input);
    await decompress(streamOf(input), output.sink);
  });
  return fate.kind === 'taken' ? output.bytes().length : 0;
}
