import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatHead, MAX_HEAD_BYTES, MAX_PACKS, parseHead } from '../../src/cache/head.ts';

const manifestDigest = `sha256:${'a'.repeat(64)}`;
const pack = { key: '0'.repeat(40), size: 10, liveBytes: 7 };
const encode = (value: unknown) =>
  Buffer.from(typeof value === 'string' ? value : JSON.stringify(value), 'utf8');
const packNumber = (index: number) => ({ ...pack, key: index.toString(16).padStart(40, '0') });

describe('a head file', () => {
  it('reads back what it wrote, and nothing of a pack but key and sizes', () => {
    const written = formatHead({ manifestDigest, packs: [Object.assign({ path: '/secret' }, pack)] });
    expect(written).not.toContain('secret');
    expect(parseHead(encode(written))).toEqual({ manifestDigest, packs: [pack] });
  });

  it('has room for as many packs as it allows', () => {
    const packs = Array.from({ length: MAX_PACKS }, (_, index) => ({
      ...packNumber(index),
      size: 2 ** 33,
      liveBytes: 2 ** 33,
    }));
    const bytes = encode(formatHead({ manifestDigest, packs }));
    expect(bytes.length).toBeLessThan(MAX_HEAD_BYTES);
    expect(parseHead(bytes)?.packs).toHaveLength(MAX_PACKS);
  });

  const head = { version: 1, manifestDigest, packs: [pack] };
  it.each([
    ['no JSON', 'nonsense'],
    ['an array', []],
    ['null', null],
    ['another version', { ...head, version: 2 }],
    ['no digest', { ...head, manifestDigest: undefined }],
    ['a digest with a path in it', { ...head, manifestDigest: 'sha256:../../x' }],
    ['no list', { ...head, packs: {} }],
    ['a key that is a path', { ...head, packs: [{ ...pack, key: '../../../../../../../../etc/passwd' }] }],
    ['an upper-case key', { ...head, packs: [{ ...pack, key: 'A'.repeat(40) }] }],
    ['a negative size', { ...head, packs: [{ ...pack, size: -1 }] }],
    ['a fractional size', { ...head, packs: [{ ...pack, size: 1.5 }] }],
    ['an absurd size', { ...head, packs: [{ ...pack, size: 2 ** 50 }] }],
    ['more live bytes than bytes', { ...head, packs: [{ ...pack, liveBytes: 11 }] }],
    ['a pack twice', { ...head, packs: [pack, pack] }],
    ['too many packs', { ...head, packs: Array.from({ length: MAX_PACKS + 1 }, (_, i) => packNumber(i)) }],
    ['too many bytes', JSON.stringify(head) + ' '.repeat(MAX_HEAD_BYTES)],
  ])('refuses %s', (_, value) => {
    expect(parseHead(encode(value))).toBeUndefined();
  });

  it('refuses bytes that are not UTF-8', () => {
    const bytes = encode(head);
    bytes[bytes.indexOf('sha256')] = 0xff;
    expect(parseHead(bytes)).toBeUndefined();
  });

  it('survives any bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        expect(parseHead(bytes)).toBeUndefined();
      }),
    );
  });
});
