import { zstdDecompressSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeFrames } from '../../src/compression/zstd.ts';
import { digestOf } from '../../src/integrity/hash.ts';
import { chunkCount } from '../../src/layer/chunk-table.ts';
import { detectDialect, type LocatedToc } from '../../src/layer/dialect.ts';
import { parseLayerToc } from '../../src/layer/layer-toc.ts';
import { TarSplitParser, type TarSplitRecord } from '../../src/layer/tar-split.ts';
import { parseConfig } from '../../src/oci/config.ts';
import { buildChunkedLayer } from '../support/chunked-layer.ts';
import { fixtureImage } from '../support/fixture-image.ts';
import { thrown } from '../support/pull-error.ts';
import { slices } from '../support/slices.ts';

function parse(text: string | Uint8Array, lengths: readonly number[] = [1 << 20]): TarSplitRecord[] {
  const parser = new TarSplitParser();
  const records = slices(typeof text === 'string' ? Buffer.from(text) : text, lengths).flatMap((part) =>
    parser.push(part),
  );
  return [...records, ...parser.end()];
}

/** Puts a tar stream together; payloads one after the other, for entries that have some. */
function rebuild(records: readonly TarSplitRecord[], payloads: Iterator<Uint8Array>): Buffer {
  const parts = records.map((record) => {
    if (record.kind === 'literal') return record.bytes;
    return record.size > 0 ? (payloads.next().value as Uint8Array) : new Uint8Array();
  });
  return Buffer.concat(parts);
}

const literal = (bytes: Uint8Array | string) => ({ kind: 'literal', bytes: Buffer.from(bytes) });
const segment = (bytes: string, position = 0) =>
  JSON.stringify({ type: 2, payload: Buffer.from(bytes).toString('base64'), position });

describe('TarSplitParser', () => {
  it('reads literals and payloads in order', () => {
    const text = `${segment('head')}\n{"type":1,"name":"etc/x","size":12,"payload":"ROnPP1cq2aw=","position":1}\n${segment('tail')}\n`;
    expect(parse(text)).toEqual([literal('head'), { kind: 'payload', size: 12 }, literal('tail')]);
  });

  it.each([
    ['no size', '{"type":1,"name":"etc/","payload":null,"position":1}', 0],
    ['a size of 0', '{"type":1,"name":"x","size":0,"payload":null,"position":1}', 0],
    [
      'a name that is no UTF-8',
      '{"type":1,"name_raw":"Y2Fm6Q==","size":5,"payload":"PYmIZB7QAAA=","position":1}',
      5,
    ],
    ['no name', '{"type":1,"size":3}', 3],
    ['a checksum that is wrong', '{"type":1,"name":"x","size":7,"payload":"AAAAAAAAAAA="}', 7],
    ['keys in another order', '{"position":9,"size":8,"type":1,"name":"\\u2028"}', 8],
    ['the largest size', '{"type":1,"size":9007199254740991}', Number.MAX_SAFE_INTEGER],
  ])('reads a payload record with %s', (_, line, size) => {
    expect(parse(line)).toEqual([{ kind: 'payload', size }]);
  });

  it.each([
    ['as the one encoder writes it', '{"type":2,"payload":"aGk=","position":0}'],
    ['with keys in another order', '{"position":0,"payload":"aGk=","type":2}'],
    ['with spaces', '{ "type": 2, "payload": "aGk=" }'],
    ['with escapes', '{"type": 2,"payload":"\\u0061Gk="}'],
    ['with a carriage return', '{"type":2,"payload":"aGk=","position":0}\r'],
  ])('reads a literal %s', (_, line) => expect(parse(`${line}\n`)).toEqual([literal('hi')]));

  it('reads a literal of no bytes', () => expect(parse(segment(''))).toEqual([literal('')]));

  it('does not need the last line feed', () => {
    const text = `${segment('a')}\n${segment('b')}`;
    expect(parse(text)).toEqual([literal('a'), literal('b')]);
    expect(parse(`${text}\n`)).toEqual([literal('a'), literal('b')]);
  });

  it('refuses empty lines, of which a few bytes would make millions', () => {
    expect(() => parse(`${segment('a')}\n\n${segment('b')}`)).toThrow(
      expect.objectContaining({ code: 'TAR_INVALID' }),
    );
  });

  it('finds nothing in nothing', () => expect(parse('')).toEqual([]));

  it('gives records as soon as their line is complete', () => {
    const parser = new TarSplitParser();
    expect(parser.push(Buffer.from(`${segment('a')}\n${segment('b')}`))).toEqual([literal('a')]);
    expect(parser.push(Buffer.from('\n'))).toEqual([literal('b')]);
    expect(parser.end()).toEqual([]);
  });

  it.each([
    ['text', 'hello'],
    ['half of a line', '{"type":1,'],
    ['null', 'null'],
    ['a number', '7'],
    ['a list', '[]'],
    ['a record without a type', '{"size":1}'],
    ['a record of type 3', '{"type":3,"payload":"aGk="}'],
    ['a type as text', '{"type":"1","size":1}'],
    ['a literal without bytes', '{"type":2}'],
    ['a literal of null', '{"type":2,"payload":null}'],
    ['a literal that does not end', '{"type":2,"payload":"aGk='],
    ['a negative size', '{"type":1,"size":-1}'],
    ['a fraction for a size', '{"type":1,"size":1.5}'],
    ['text for a size', '{"type":1,"size":"1"}'],
    ['a size beyond 2^53', '{"type":1,"size":9007199254740992}'],
  ])('refuses %s', (_, line) => {
    thrown('TAR_INVALID', () => parse(line));
    thrown('TAR_INVALID', () => parse(`${segment('a')}\n${line}\n${segment('b')}`));
  });

  it('refuses a line without end', () => {
    const parser = new TarSplitParser();
    const part = Buffer.alloc(1 << 20, 'A');
    thrown('TAR_INVALID', () => {
      for (let pushed = 0; pushed < 18; pushed++) parser.push(part);
    });
  });

  it('gives the same records however the text is cut', () => {
    const record = fc.oneof(
      fc.uint8Array({ maxLength: 60 }).map((bytes) => segment(Buffer.from(bytes).toString('latin1'))),
      fc
        .record({ type: fc.constant(1), name: fc.string({ unit: 'binary' }), size: fc.nat() })
        .map((line) => JSON.stringify(line)),
    );
    const lengths = fc.array(fc.integer({ min: 1, max: 50 }), { minLength: 1 });
    fc.assert(
      fc.property(fc.array(record, { minLength: 1 }), lengths, fc.boolean(), (lines, cut, ended) => {
        const text = lines.join('\n') + (ended ? '\n' : '');
        const whole = parse(text);
        expect(whole).toHaveLength(lines.length);
        expect(parse(text, cut)).toEqual(whole);
      }),
    );
  });

  it('makes up the tar stream of a built layer', () => {
    const layer = buildChunkedLayer([
      { name: 'd/', type: '5' },
      { name: 'd/one', body: 'one' },
      { name: Buffer.from('caf\xe9', 'latin1'), chunks: ['two', Buffer.alloc(1500)] },
      { name: 'd/empty' },
      { name: 'd/full', body: Buffer.alloc(512, 1) },
    ]);
    expect(layer.tarSplitText).toContain('"name_raw":"Y2Fm6Q=="');
    const files = [
      Buffer.from('one'),
      Buffer.concat([Buffer.from('two'), Buffer.alloc(1500)]),
      Buffer.alloc(512, 1),
    ];
    expect(digestOf(rebuild(parse(layer.tarSplitText), files.values()))).toBe(layer.diffId);
  });

  it.each(['v1', 'v2'])('makes up the tar streams of the real image %s', async (tag) => {
    const image = fixtureImage(tag, 'zstd-chunked');
    const { diffIds } = parseConfig(image.bytes(image.config));
    for (const [index, layer] of image.layers.entries()) {
      const blob = image.bytes(layer);
      const { toc, tarSplit, dataEnd } = detectDialect(layer) as LocatedToc;
      const part = ({ start, end }: { start: number; end: number }) =>
        zstdDecompressSync(blob.subarray(start, end));
      const parsed = parseLayerToc(part(toc.range).toString(), dataEnd);
      if (parsed.kind !== 'toc') throw new Error(parsed.reason);
      const records = parse(part(tarSplit?.range ?? { start: 0, end: 0 }), [65_536, 3, 1000]);
      const entries = records.filter((record) => record.kind === 'payload');
      expect(parsed.table.firstChunk).toHaveLength(entries.length + 1);
      expect(digestOf(rebuild(records, (await files(blob, parsed.table)).values()))).toBe(diffIds[index]);
    }
  });
});

type Table = Extract<ReturnType<typeof parseLayerToc>, { kind: 'toc' }>['table'];

/** The content of each file that has some, in order. */
async function files(blob: Buffer, table: Table): Promise<Uint8Array[]> {
  const chunks: Uint8Array[] = [];
  for (let index = 0; index < chunkCount(table); index++) {
    const start = table.offsets[index] as number;
    const frame = blob.subarray(start, start + (table.compressedSizes[index] as number));
    chunks.push(await decodeFrames(frame, table.sizes[index] as number));
  }
  const found: Uint8Array[] = [];
  for (let entry = 0; entry + 1 < table.firstChunk.length; entry++) {
    const own = chunks.slice(table.firstChunk[entry], table.firstChunk[entry + 1]);
    if (own.length > 0) found.push(Buffer.concat(own));
  }
  return found;
}
