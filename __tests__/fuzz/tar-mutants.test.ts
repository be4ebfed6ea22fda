// Damaged tar streams: each is unpacked or refused, without an escape, a hang, a descriptor left open or much memory.
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { TarEntry } from '../../src/tar/entry.ts';
import { createTarReader } from '../../src/tar/reader.ts';
import { slices } from '../support/slices.ts';
import { OWNERS } from '../support/unpack-room.ts';
import { type Arena, openArena, openDescriptors, unpackSliced } from './arena.ts';
import { tarSamples } from './samples.ts';
import { fuzz, isReplay, TIMEOUT } from './settings.ts';
import { fateOf, peakMemory } from './survive.ts';
import { editTar, type TarEdit, tarEdit } from './tar-edits.ts';
import { startWatchdog, type Watchdog } from './watchdog.ts';

const MIB = 1 << 20;
/** Far above what the samples need, far below what damaged numbers can ask for. */
const LIMITS = { entries: 5_000, fileSize: 16 * MIB, totalSize: 64 * MIB };
const MEMORY_GROWTH = 256 * MIB;

let arena: Arena;
let watchdog: Watchdog;
let samples: Buffer[];
beforeAll(() => {
  arena = openArena();
  watchdog = startWatchdog();
  samples = tarSamples(arena.outside);
});
afterAll(async () => {
  await watchdog[Symbol.asyncDispose]();
  arena[Symbol.dispose]();
});

interface Mutant {
  readonly sample: number;
  readonly edits: readonly TarEdit[];
  readonly lengths: readonly number[];
}

function mutants(): fc.Arbitrary<Mutant> {
  return fc.record({
    sample: fc.oneof(fc.constantFrom(0, 1), fc.nat(1000)),
    edits: fc.array(tarEdit(arena.outside), { minLength: 1, maxLength: 5 }),
    lengths: fc.array(fc.integer({ min: 1, max: 3000 }), { minLength: 1, maxLength: 5 }),
  });
}

function bytesOf({ sample, edits }: Mutant): Buffer {
  return editTar(samples[sample % samples.length] ?? Buffer.alloc(0), edits);
}

describe('damaged tar streams', () => {
  it(
    'are unpacked or refused, and nothing escapes or stays open',
    async () => {
      const [descriptors, memory] = [openDescriptors(), peakMemory()];
      const fates = new Map<string, number>();
      await fuzz(mutants(), 1000, async (mutant) => {
        watchdog.beat(`unpack ${JSON.stringify(mutant)}`);
        const root = arena.fresh();
        const layer = bytesOf(mutant);
        const owner = OWNERS[mutant.sample % OWNERS.length] ?? 'runner';
        // Twice the same: the second one replaces what the first one made.
        const fate = await fateOf(() =>
          unpackSliced([layer, layer], mutant.lengths, { root, owner, limits: LIMITS }),
        );
        arena.expectUntouched();
        const name = fate.kind === 'taken' ? 'taken' : fate.code;
        fates.set(name, (fates.get(name) ?? 0) + 1);
        if (fate.kind === 'refused') expect(openDescriptors()).toBeLessThanOrEqual(descriptors);
      });
      arena.fresh();
      expect(openDescriptors()).toBeLessThanOrEqual(descriptors);
      expect(peakMemory() - memory).toBeLessThan(MEMORY_GROWTH);
      // Damage that a parser never gets past, or that does nothing, would test little.
      if (!isReplay) expect(fates.get('taken')).toBeGreaterThan(0);
      if (!isReplay) expect(fates.get('TAR_INVALID')).toBeGreaterThan(0);
    },
    TIMEOUT,
  );

  it(
    'read the same however they are cut',
    async () => {
      const memory = peakMemory();
      await fuzz(mutants(), 3000, async (mutant) => {
        watchdog.beat(`read ${JSON.stringify(mutant)}`);
        const stream = bytesOf(mutant);
        const whole = await readingOf([stream]);
        expect(await readingOf(slices(stream, mutant.lengths))).toEqual(whole);
        // Nothing comes out of a stream that is not in it, but for holes.
        expect(whole.dataBytes).toBeLessThanOrEqual(stream.length);
        expect(whole.entries).toBeLessThanOrEqual(stream.length / 512);
      });
      expect(peakMemory() - memory).toBeLessThan(MEMORY_GROWTH);
    },
    TIMEOUT,
  );
});

/** What a handler hears, with data that follows on joined. */
async function readingOf(parts: readonly Uint8Array[]) {
  const events: unknown[] = [];
  let data: { position: number; bytes: Buffer } | undefined;
  let dataBytes = 0;
  let entries = 0;
  const flush = () => {
    if (data) events.push(data);
    data = undefined;
  };
  const reader = createTarReader({
    entry(entry: TarEntry) {
      flush();
      entries++;
      events.push({ ...entry, xattrs: entry.xattrs && [...entry.xattrs], at: reader.position });
    },
    data(bytes, position) {
      dataBytes += bytes.length;
      const isNext = data && data.position + data.bytes.length === position;
      if (!isNext) flush();
      const joined = Buffer.concat([...(data ? [data.bytes] : []), bytes]);
      data = { position: data?.position ?? position, bytes: joined };
    },
    end() {
      flush();
      events.push('end');
    },
  });
  const fate = await fateOf(() => {
    for (const part of parts) reader.push(Uint8Array.from(part));
    reader.finish();
  });
  flush();
  return { fate, events, entries, dataBytes };
}
