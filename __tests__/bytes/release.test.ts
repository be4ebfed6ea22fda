import { describe, expect, it } from 'vitest';
import { release, releaseAfterLast } from '../../src/bytes/release.ts';

describe('release', () => {
  it('frees a buffer of its own', () => {
    const bytes = Buffer.allocUnsafeSlow(100);
    release(bytes);
    expect([bytes.length, bytes.buffer.byteLength]).toEqual([0, 0]);
  });

  it.each([
    ['a piece of a buffer', () => Buffer.allocUnsafeSlow(100).subarray(0, 99)],
    ['memory that threads share', () => new Uint8Array(new SharedArrayBuffer(100), 0, 99)],
  ])('leaves %s alone', (_, make) => {
    const bytes = make();
    release(bytes);
    expect(bytes.length).toBe(99);
  });
});

describe('releaseAfterLast', () => {
  it('frees a buffer with its last piece, and not before', () => {
    const whole = Buffer.allocUnsafeSlow(100);
    const [first, last] = [whole.subarray(0, 40), whole.subarray(40)];
    releaseAfterLast(first);
    expect([first.length, last.length]).toEqual([40, 60]);
    releaseAfterLast(last);
    expect([first.length, last.length, whole.length]).toEqual([0, 0, 0]);
  });
});
