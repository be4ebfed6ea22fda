import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import type { PackEntry } from '../../src/store/pack-format.ts';
import { verifyPack } from '../../src/store/verify.ts';
import { type ForgedPiece, forgePack } from '../support/forged-pack.ts';
import { packBytes, sampleBlob } from '../support/store-samples.ts';
import { temporaryDirectories } from '../support/temporary.ts';

const newDirectory = temporaryDirectories();
const { signal } = new AbortController();

function written(bytes: Buffer): string {
  const path = join(newDirectory(), 'x.pack');
  writeFileSync(path, bytes);
  return path;
}

function frame(text: string, change: Partial<PackEntry> = {}): ForgedPiece {
  const { bytes, hex } = sampleBlob(text);
  return {
    stored: zstdCompressSync(bytes),
    entries: [{ form: 'frame', hex, size: bytes.length, ...change }],
  };
}

const members = (texts: readonly string[], compress: (bytes: Buffer) => Buffer): ForgedPiece => {
  let at = 0;
  const entries = texts.map((text) => {
    const { bytes, hex } = sampleBlob(text);
    const entry = { form: 'frame', hex, size: bytes.length, innerOffset: at } as const;
    at += bytes.length;
    return entry;
  });
  return { stored: compress(Buffer.from(texts.join(''))), entries };
};

type Listed = ForgedPiece['entries'][number];

const part: ForgedPiece = {
  stored: Buffer.from('some bytes'),
  entries: [{ form: 'part', hex: 'a'.repeat(64), size: 10 }],
};
const big = 'big'.repeat(30_000_000);

describe('verifyPack', () => {
  it('finds nothing wrong with what is right, of every form', async () => {
    const blob = sampleBlob('a blob');
    const pieces = [
      { stored: blob.bytes, entries: [{ form: 'blob', hex: blob.hex, size: 6 }] } as const,
      frame('chunk'),
      frame(''),
      members(['one', 'two'], (bytes) => gzipSync(bytes)),
      members(['three', 'four'], (bytes) => zstdCompressSync(bytes)),
      part,
    ];
    const path = written(forgePack(...pieces));
    expect(await verifyPack(path, signal)).toEqual({ kind: 'read', chunks: 8, wrong: [], unproven: 1 });
  });

  it('checks what is too large to be decoded at one go', async () => {
    const path = written(forgePack(frame(big)));
    expect(await verifyPack(path, signal)).toMatchObject({ wrong: [], chunks: 1 });
  });

  it('names the chunk that a wrong byte is in, whichever it is', async () => {
    const blobs = ['one', 'two', 'three'].map(sampleBlob);
    const good = packBytes(blobs);
    for (const [at, expected] of [
      [0, 0],
      [2, 0],
      [3, 1],
      [10, 2],
    ] as const) {
      const bytes = Buffer.from(good);
      bytes[at] = (bytes[at] ?? 0) ^ 1;
      expect(await verifyPack(written(bytes), signal)).toMatchObject({ wrong: [blobs[expected]?.hex] });
    }
  });

  it.each<[string, ForgedPiece]>([
    ['has another name', frame('chunk', { hex: 'b'.repeat(64) })],
    ['is said to be shorter', frame('chunk', { size: 4 })],
    ['is said to be longer', frame('chunk', { size: 6 })],
    ['is said to be very long', frame('chunk', { size: 2 ** 40 })],
    ['is a bomb', frame(big, { size: 100 })],
    ['is no zstd frame', { ...frame('chunk'), stored: Buffer.from('not a frame at all') }],
    ['begins behind the end of its member', frame('chunk', { innerOffset: 3 })],
    ['is not where it is said to be in its member', frame('chunk', { innerOffset: 0, size: 3 })],
    [
      'is in a member that is none',
      { stored: Buffer.from('not a member'), entries: frame('x', { innerOffset: 0 }).entries },
    ],
  ])('finds a chunk that %s', async (_, piece) => {
    const path = written(forgePack(frame('before'), piece));
    expect(await verifyPack(path, signal)).toMatchObject({ kind: 'read', wrong: [piece.entries[0]?.hex] });
  });

  it('does not go through blobs that were piled up', async () => {
    const stored = Buffer.alloc(100_000);
    const entries = Array.from({ length: 12 }, (_, index) => ({
      form: 'blob' as const,
      hex: String(index).padStart(64, '0'),
      size: stored.length,
    }));
    expect(await verifyPack(written(forgePack({ stored, entries })), signal)).toEqual({ kind: 'broken' });
  });

  it('hashes the bytes of a member once, however many chunks are said to lie in them', async () => {
    const member = gzipSync(Buffer.alloc(16 << 20));
    const stored = Buffer.concat([member, Buffer.alloc(40_000)]);
    const entries = Array.from({ length: 5000 }, (_, index) => ({
      ...{ form: 'frame' as const, hex: index.toString(16).padStart(64, '0'), innerOffset: 0 },
      ...{ compressedSize: member.length, size: 16 << 20 },
    }));
    const started = performance.now();
    const verdict = await verifyPack(written(forgePack({ stored, entries })), signal);
    expect(verdict).toMatchObject({ kind: 'read', wrong: { length: 5000 } });
    expect(performance.now() - started).toBeLessThan(5000);
  });

  it('names chunks that overlap in their member, and lets one be listed twice', async () => {
    const { stored, entries } = members(['one', 'two', 'three'], (bytes) => gzipSync(bytes));
    const [one, two, three] = entries as [Listed, Listed, Listed];
    const check = (...listed: Listed[]) =>
      verifyPack(written(forgePack({ stored, entries: listed })), signal);
    const { hex } = sampleBlob('netw');
    const between = { ...one, hex, size: 4, innerOffset: 1 };
    expect(await check(one, one, two, three)).toMatchObject({ chunks: 4, wrong: [] });
    expect(await check(one, between, two, three)).toMatchObject({ wrong: [hex, two.hex] });
  });

  it('decodes no bytes again that lie in another member', async () => {
    const { stored, entries } = members(['one'], (bytes) => gzipSync(bytes));
    const listed = entries.flatMap((entry) => [entry, { ...entry, compressedSize: stored.length - 1 }]);
    expect(await verifyPack(written(forgePack({ stored, entries: listed })), signal)).toMatchObject({
      wrong: { length: 1 },
    });
  });

  it('bears a member with more chunks than a function takes arguments', async () => {
    const texts = Array.from({ length: 150_000 }, (_, index) => index.toString(36).padStart(9, 'x'));
    const piece = members(texts, (bytes) => bytes);
    expect(await verifyPack(written(forgePack(piece)), signal)).toMatchObject({ chunks: 150_000, wrong: [] });
  });

  it.each([0, 3])('finds an empty chunk in a member of %i bytes', async (length) => {
    const piece = members(['x'.repeat(length), ''], (bytes) => zstdCompressSync(bytes));
    expect(await verifyPack(written(forgePack(piece)), signal)).toMatchObject({ chunks: 2, wrong: [] });
  });

  it('stops in the middle of a chunk when it is told to', async () => {
    const size = 1 << 30;
    const bytes = gzipSync(Buffer.alloc(1 << 26));
    const stored = Buffer.concat(Array.from({ length: size >> 26 }, () => bytes));
    const entry = { form: 'frame', hex: 'a'.repeat(64), size, innerOffset: 0 } as const;
    const path = written(forgePack({ stored, entries: [entry] }));
    await expect(verifyPack(path, AbortSignal.timeout(100))).rejects.toThrow('timeout');
  });

  it('tells what is no pack from what cannot be read', async () => {
    const whole = packBytes([sampleBlob('one')]);
    expect(await verifyPack(written(whole.subarray(1)), signal)).toEqual({ kind: 'broken' });
    const directory = join(newDirectory(), 'd');
    mkdirSync(directory);
    expect(await verifyPack(directory, signal)).toMatchObject({ kind: 'unreadable' });
    expect(await verifyPack(join(directory, 'none'), signal)).toMatchObject({ kind: 'unreadable' });
  });

  it('stops when it is told to', async () => {
    const path = written(forgePack(frame('chunk')));
    await expect(verifyPack(path, AbortSignal.abort(new Error('enough')))).rejects.toThrow('enough');
    expect(readFileSync(path).length).toBeGreaterThan(0);
  });
});
