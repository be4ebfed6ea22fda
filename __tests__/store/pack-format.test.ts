import { hash } from 'node:crypto';
import { zstdCompressSync, zstdDecompressSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { MAX_INNER_OFFSET } from '../../src/bytes/inner-offset.ts';
import {
  compareEntries,
  decodeTable,
  encodeTable,
  MAX_ENTRY_BYTES,
  type PackEntry,
  packKey,
} from '../../src/store/pack-format.ts';
import { decodeTrailer, MAX_PACK_ENTRIES, TRAILER_SIZE } from '../../src/store/pack-trailer.ts';
import { allEntries, entriesFor, packBytes, sampleBlob } from '../support/store-samples.ts';

/** As a reader does it. */
function read(pack: Buffer): PackEntry[] | undefined {
  if (pack.length < TRAILER_SIZE) return undefined;
  const trailer = decodeTrailer(pack.subarray(-TRAILER_SIZE), pack.length);
  if (!trailer) return undefined;
  const table = pack.subarray(trailer.tableOffset, trailer.tableOffset + trailer.tableLength);
  return allEntries(decodeTable(table, trailer));
}

const hex = fc
  .uint8Array({ minLength: 32, maxLength: 32 })
  .map((bytes) => Buffer.from(bytes).toString('hex'));
const entries = fc
  .array(
    fc.record({
      hex,
      kind: fc.constantFrom('frame', 'blob', 'member', 'part'),
      inner: fc.nat(MAX_INNER_OFFSET),
      gap: fc.oneof(fc.constant(0), fc.nat(1000)),
      compressedSize: fc.oneof(fc.nat(100_000), fc.nat(2 ** 40)),
      size: fc.oneof(fc.nat(100_000), fc.nat(2 ** 47)),
    }),
    { maxLength: 30 },
  )
  .map((rows) => {
    let at = 0;
    const made = rows.map(({ gap, kind, inner, hex, compressedSize, size }): PackEntry => {
      const offset = at + gap;
      // Chunks may lie inside of blobs.
      at = kind === 'frame' ? offset + compressedSize : offset;
      if (kind === 'member') return { form: 'frame', hex, offset, compressedSize, size, innerOffset: inner };
      if (kind === 'frame') return { form: 'frame', hex, offset, compressedSize, size };
      return { form: kind === 'blob' ? 'blob' : 'part', hex, offset, compressedSize, size: compressedSize };
    });
    return made.sort(compareEntries);
  });
const endOf = (all: readonly PackEntry[]) => {
  return Math.max(0, ...all.map(({ offset, compressedSize }) => offset + compressedSize));
};

const blobs = ['first', 'second', 'third'].map(sampleBlob);
const good = packBytes(blobs);

/** A pack around this table and trailer, digest and lengths right unless told. */
function forge(
  columns: Buffer,
  count: number,
  change: { tableOffset?: bigint; tableLength?: bigint; version?: number } = {},
) {
  const data = Buffer.alloc(100);
  const table = zstdCompressSync(columns);
  const trailer = Buffer.alloc(TRAILER_SIZE);
  trailer.write('OCIPULL\n');
  trailer.writeUInt32LE(change.version ?? 1, 8);
  trailer.writeUInt32LE(count, 12);
  trailer.writeBigUInt64LE(change.tableOffset ?? BigInt(data.length), 16);
  trailer.writeBigUInt64LE(change.tableLength ?? BigInt(table.length), 24);
  trailer.write(hash('sha256', table, 'hex'), 32, 'hex');
  return Buffer.concat([data, table, trailer]);
}

/** The columns of one entry. */
function columns(change: { form?: number; gap?: number; compressedSize?: number } = {}): Buffer {
  const bytes = Buffer.alloc(51, 1);
  bytes[32] = change.form ?? 0;
  bytes.writeUIntLE(change.gap ?? 0, 33, 6);
  bytes.writeUIntLE(change.compressedSize ?? 10, 39, 6);
  bytes.writeUIntLE(30, 45, 6);
  return bytes;
}

describe('a pack', () => {
  it('gives back its entries', () => {
    fc.assert(
      fc.property(entries, (all) => {
        const end = endOf(all);
        const tail = encodeTable(all, end);
        const trailer = decodeTrailer(tail.subarray(-TRAILER_SIZE), end + tail.length);
        expect(trailer).toMatchObject({ count: all.length, tableOffset: end });
        const table = trailer && decodeTable(tail.subarray(0, trailer.tableLength), trailer);
        expect(allEntries(table)).toEqual(all.toSorted(compareEntries));
      }),
    );
  });

  it('has a table of 51 bytes an entry, or of 57, which is the most, where there are inner offsets', () => {
    const [entry] = entriesFor(blobs) as [PackEntry];
    const sizeWith = (change: Partial<PackEntry>) =>
      zstdDecompressSync(encodeTable([{ ...entry, ...change }], 1 << 20).subarray(0, -TRAILER_SIZE)).length;
    expect([sizeWith({}), sizeWith({ form: 'frame', innerOffset: 1 })]).toEqual([51, 57]);
    expect(MAX_ENTRY_BYTES).toBe(57);
  });

  it('is not read when a blob claims to be longer than it is', () => {
    const lie = columns({ form: 1, compressedSize: 29 });
    expect(read(forge(lie, 1))).toBeUndefined();
    expect(read(forge(columns({ form: 1, compressedSize: 30 }), 1))).toHaveLength(1);
  });

  it('is not read when a chunk lies too deep in what holds it', () => {
    const [entry] = entriesFor(blobs) as [PackEntry];
    const packWith = (innerOffset: number) => {
      const member = { ...entry, form: 'frame', innerOffset } as const;
      return read(
        Buffer.concat([Buffer.alloc(entry.compressedSize), encodeTable([member], entry.compressedSize)]),
      );
    };
    expect(packWith(MAX_INNER_OFFSET)).toHaveLength(1);
    expect(packWith(MAX_INNER_OFFSET + 1)).toBeUndefined();
  });

  it('is laid out as documented', () => {
    const trailer = good.subarray(-64);
    const tableOffset = Number(trailer.readBigUInt64LE(16));
    const tableLength = Number(trailer.readBigUInt64LE(24));
    expect(trailer.toString('latin1', 0, 8)).toBe('OCIPULL\n');
    expect([trailer.readUInt32LE(8), trailer.readUInt32LE(12), tableOffset]).toEqual([
      1,
      3,
      'firstsecondthird'.length,
    ]);
    expect(tableOffset + tableLength + 64).toBe(good.length);
    const table = good.subarray(tableOffset, tableOffset + tableLength);
    expect(trailer.toString('hex', 32)).toBe(hash('sha256', table, 'hex'));
  });

  it('is not read when it is cut off anywhere', () => {
    for (let length = 0; length < good.length; length++)
      expect(read(good.subarray(0, length))).toBeUndefined();
  });

  it('is not read when something stands behind it', () => {
    expect(read(Buffer.concat([good, Buffer.of(0)]))).toBeUndefined();
  });

  it('is not read, or reads the same, whatever byte is turned over', () => {
    const whole = read(good);
    expect(whole).toEqual(entriesFor(blobs));
    for (let at = 0; at < good.length; at++) {
      for (const mask of [0x01, 0x80, 0xff]) {
        const damaged = Buffer.from(good);
        damaged[at] = (damaged[at] as number) ^ mask;
        expect(read(damaged)).toEqual(at < 'firstsecondthird'.length ? whole : undefined);
      }
    }
  });

  it('is not read from random bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
        expect(read(Buffer.from(bytes))).toBeUndefined();
        expect(read(Buffer.concat([bytes, good.subarray(-64)]))).toBeUndefined();
      }),
    );
  });

  it('is read when forged with right digests and lengths', () => {
    expect(read(forge(columns(), 1))).toMatchObject([
      { form: 'frame', offset: 0, compressedSize: 10, size: 30 },
    ]);
    expect(read(forge(columns({ gap: 90 }), 1))).toMatchObject([{ offset: 90 }]);
  });

  it.each<[string, Buffer]>([
    ['of another version', forge(columns(), 1, { version: 2 })],
    ['with fewer entries than it says', forge(columns(), 2)],
    ['with more entries than it says', forge(Buffer.concat([columns(), columns()]), 1)],
    ['that says it has none', forge(columns(), 0)],
    ['with more entries than allowed', forge(columns(), MAX_PACK_ENTRIES + 1)],
    ['with the largest count', forge(columns(), 0xffffffff)],
    ['with a chunk that ends in the table', forge(columns({ compressedSize: 101 }), 1)],
    ['with a chunk that begins behind the data', forge(columns({ gap: 101, compressedSize: 0 }), 1)],
    ['with a chunk as large as can be', forge(columns({ compressedSize: 2 ** 48 - 1 }), 1)],
    ['with an unknown form', forge(columns({ form: 2 }), 1)],
    ['with a table behind its end', forge(columns(), 1, { tableOffset: 10_000n })],
    ['with a table at 2^63', forge(columns(), 1, { tableOffset: 2n ** 63n })],
    ['with the longest table', forge(columns(), 1, { tableLength: 2n ** 64n - 1n })],
    [
      'with lengths that add up by overflow',
      forge(columns(), 1, { tableOffset: 2n ** 64n - 100n, tableLength: 300n }),
    ],
  ])('is not read %s', (_, pack) => expect(read(pack)).toBeUndefined());

  it('is not read when its table holds more than it says', () => {
    const bomb = forge(Buffer.alloc(300 << 20), 1000);
    const before = process.resourceUsage().maxRSS;
    expect(read(bomb)).toBeUndefined();
    expect(process.resourceUsage().maxRSS - before).toBeLessThan(64 << 10);
  });

  it('is not read when its table would not fit into memory', () => {
    const trailer = forge(columns(), 1, { tableOffset: 100n, tableLength: 2n ** 31n }).subarray(-64);
    expect(decodeTrailer(trailer, 100 + 2 ** 31 + TRAILER_SIZE)).toBeUndefined();
  });
});

describe('packKey', () => {
  const three = entriesFor(blobs);

  it('is 40 lower-case hex digits', () => expect(packKey(three)).toMatch(/^[0-9a-f]{40}$/));

  it('does not depend on order, place or sizes', () => {
    const moved = three.map((entry) => ({ ...entry, offset: entry.offset + 7, compressedSize: 1, size: 2 }));
    expect(packKey(moved.reverse())).toBe(packKey(three));
  });

  it('depends on each chunk and its form', () => {
    const keys = [
      three,
      three.slice(1),
      [],
      [...three, ...entriesFor([sampleBlob('fourth')])],
      three.map((entry, index) => (index === 0 ? { ...entry, form: 'frame' as const } : entry)),
    ].map(packKey);
    expect(new Set(keys).size).toBe(keys.length);
  });

  it('is what the documentation says', () => {
    const lines = three.map((entry) => `blob ${entry.hex}\n`).sort();
    expect(packKey(three)).toBe(hash('sha256', `v1\n${lines.join('')}`, 'hex').slice(0, 40));
  });
});
