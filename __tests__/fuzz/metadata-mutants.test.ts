// Damaged descriptions of zstd:chunked layers: annotations, tables of contents, tar-splits.
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type ChunkTable, chunkCount, DIGEST_BYTES } from '../../src/layer/chunk-table.ts';
import { detectDialect } from '../../src/layer/dialect.ts';
import { parseLayerToc } from '../../src/layer/layer-toc.ts';
import { TarSplitParser, type TarSplitRecord } from '../../src/layer/tar-split.ts';
import type { ChunkedLayer } from '../support/chunked-layer.ts';
import { slices } from '../support/slices.ts';
import { byteEdit, editBytes } from './byte-edits.ts';
import { editJson, jsonEdit } from './json-edits.ts';
import { chunkedSamples } from './samples.ts';
import { fuzz, isReplay, TIMEOUT } from './settings.ts';
import { fateOf } from './survive.ts';
import { startWatchdog, type Watchdog } from './watchdog.ts';

let watchdog: Watchdog;
let samples: ChunkedLayer[];
beforeAll(() => {
  watchdog = startWatchdog();
  samples = chunkedSamples('/outside').filter(({ chunks }) => chunks.length > 0);
});
afterAll(() => watchdog[Symbol.asyncDispose]());

const sample = fc.nat(1000);
const jsonEdits = fc.array(jsonEdit, { minLength: 1, maxLength: 4 });
const byteEdits = fc.array(byteEdit, { minLength: 1, maxLength: 3 });
const layerOf = (number: number): ChunkedLayer => samples[number % samples.length] as ChunkedLayer;
const textOf = (text: string, edits: readonly Parameters<typeof editBytes>[1][]) =>
  edits.reduce<Buffer>(editBytes, Buffer.from(text));

describe('damaged tables of contents', () => {
  it(
    'that are JSON still give a sound table of chunks or are called unusable',
    async () => {
      let usable = 0;
      await fuzz(fc.tuple(sample, jsonEdits), 6000, ([number, edits]) => {
        const { tocText, dataEnd } = layerOf(number);
        watchdog.beat(`toc ${number} ${JSON.stringify(edits)}`);
        const text = JSON.stringify(editJson(JSON.parse(tocText), edits)) ?? '';
        const parsed = parseLayerToc(text, dataEnd);
        if (parsed.kind === 'toc') expectSound(parsed.table, dataEnd);
        if (parsed.kind === 'toc') usable++;
      });
      if (!isReplay) expect(usable).toBeGreaterThan(0);
    },
    TIMEOUT,
  );

  it(
    'that may be no JSON give a sound table of chunks or are called unusable',
    async () => {
      await fuzz(fc.tuple(sample, byteEdits), 4000, ([number, edits]) => {
        const { tocText, dataEnd } = layerOf(number);
        const parsed = parseLayerToc(textOf(tocText, edits).toString(), dataEnd);
        if (parsed.kind === 'toc') expectSound(parsed.table, dataEnd);
      });
    },
    TIMEOUT,
  );
});

/** Chunks follow one another inside of the data, and entries own them in order. */
function expectSound(table: ChunkTable, dataEnd: number): void {
  const count = chunkCount(table);
  const { digests, offsets, compressedSizes, sizes, firstChunk } = table;
  expect([digests.length, compressedSizes.length, sizes.length]).toEqual([
    count * DIGEST_BYTES,
    count,
    count,
  ]);
  let end = 0;
  for (let index = 0; index < count; index++) {
    const [offset = -1, compressedSize = -1, size = -1] = [
      offsets[index],
      compressedSizes[index],
      sizes[index],
    ];
    expect(offset).toBeGreaterThanOrEqual(end);
    expect(compressedSize).toBeGreaterThan(0);
    expect(Number.isSafeInteger(size) && size >= 0).toBe(true);
    end = offset + compressedSize;
  }
  expect(end).toBeLessThanOrEqual(dataEnd);
  expect(firstChunk.at(-1)).toBe(count);
  expect(firstChunk.every((first, index) => index === 0 || first >= (firstChunk[index - 1] ?? 0))).toBe(true);
}

describe('damaged tar-splits', () => {
  const texts = fc.oneof(
    fc.record({ sample, jsonEdits, byteEdits: fc.constant([]) }),
    fc.record({ sample, jsonEdits: fc.constant([]), byteEdits }),
  );

  it(
    'give the same records however they are cut, and no more than is in them, or are refused',
    async () => {
      let taken = 0;
      const lengths = fc.array(fc.integer({ min: 1, max: 2000 }), { minLength: 1, maxLength: 5 });
      await fuzz(fc.tuple(texts, lengths), 4000, async ([mutant, cuts]) => {
        watchdog.beat(`tar-split ${JSON.stringify(mutant)}`);
        const text = damagedSplit(mutant);
        const whole = await recordsOf([text]);
        expect(await recordsOf(slices(text, cuts))).toEqual(whole);
        if (whole.kind === 'refused') return;
        taken++;
        const literals = whole.value.map((record) => (record.kind === 'literal' ? record.bytes.length : 0));
        expect(literals.reduce((sum, length) => sum + length, 0)).toBeLessThanOrEqual(text.length);
        const payloads = whole.value.map((record) => (record.kind === 'payload' ? record.size : 0));
        expect(payloads.every((size) => Number.isSafeInteger(size) && size >= 0)).toBe(true);
      });
      if (!isReplay) expect(taken).toBeGreaterThan(0);
    },
    TIMEOUT,
  );

  function damagedSplit(mutant: {
    sample: number;
    jsonEdits: Parameters<typeof editJson>[1];
    byteEdits: Parameters<typeof textOf>[1];
  }): Buffer {
    const { tarSplitText } = layerOf(mutant.sample);
    if (mutant.byteEdits.length > 0) return textOf(tarSplitText, mutant.byteEdits);
    const lines = tarSplitText.split('\n').map((line): unknown => JSON.parse(line));
    const edited = editJson(lines, mutant.jsonEdits);
    const kept = Array.isArray(edited) ? edited : [edited];
    return Buffer.from(kept.map((line) => JSON.stringify(line)).join('\n'));
  }

  const recordsOf = (parts: readonly Uint8Array[]) =>
    fateOf((): TarSplitRecord[] => {
      const parser = new TarSplitParser();
      return [...parts.flatMap((part) => parser.push(Uint8Array.from(part))), ...parser.end()];
    });
});

describe('damaged annotations', () => {
  const values = fc.oneof(
    fc.constantFrom(
      '',
      '0:0:0',
      '1:2:3:4',
      '0:1:2:1',
      '8:1:1:1',
      '-1:2:3:1',
      '999999999999999:1:1:1',
      '1:999999999999999:1:1',
      ' 8:9:9:1',
      '8:9:9:1 ',
      'x',
    ),
    fc.constantFrom(
      `sha256:${'a'.repeat(64)}`,
      `sha256:${'A'.repeat(64)}`,
      `sha512:${'a'.repeat(128)}`,
      'sha256:',
    ),
    fc.tuple(fc.nat(5000), fc.nat(5000), fc.nat(5000), fc.nat(2)).map((numbers) => numbers.join(':')),
    fc.tuple(fc.nat(5000), fc.nat(5000), fc.nat(5000)).map((numbers) => numbers.join(':')),
    fc.string({ maxLength: 20 }),
  );

  it(
    'lead to ranges inside of the blob, or to a plain layer',
    async () => {
      let chunked = 0;
      const edits = fc.array(fc.tuple(fc.nat(10), values), { minLength: 1, maxLength: 3 });
      await fuzz(fc.tuple(sample, edits), 4000, ([number, changes]) => {
        const { descriptor } = layerOf(number);
        const annotations = { ...descriptor.annotations };
        const keys = Object.keys(annotations);
        for (const [at, value] of changes) annotations[keys[at % keys.length] ?? ''] = value;
        const format = detectDialect({ ...descriptor, annotations });
        if (format.kind !== 'zstd-chunked') return;
        chunked++;
        const { toc, tarSplit, dataEnd } = format;
        for (const { range } of [toc, ...(tarSplit ? [tarSplit] : [])]) {
          expect(range.start).toBeGreaterThanOrEqual(0);
          expect(range.end).toBeGreaterThanOrEqual(range.start);
          expect(range.end).toBeLessThanOrEqual(descriptor.size);
        }
        expect(dataEnd).toBeGreaterThanOrEqual(0);
        expect(dataEnd).toBeLessThan(descriptor.size);
      });
      if (!isReplay) expect(chunked).toBeGreaterThan(0);
    },
    TIMEOUT,
  );
});
