import { describe, expect, it } from 'vitest';
import {
  describeError,
  ERROR_CODES,
  type ErrorCode,
  fromErrorData,
  PullError,
  redactUrls,
  toErrorData,
  toPullError,
} from '../src/errors.ts';

const system = (code: string, more: object = {}) =>
  Object.assign(new Error(`${code}: it failed`), { code, ...more });

describe('PullError', () => {
  it('has the code, the message, the hint of the code and no cause', () => {
    const error = new PullError('NOT_FOUND', 'image x is not there');
    expect(error).toBeInstanceOf(Error);
    expect(error).toMatchObject({
      name: 'PullError',
      code: 'NOT_FOUND',
      message: 'image x is not there',
      hint: ERROR_CODES.NOT_FOUND.hint,
    });
    expect('cause' in error).toBe(false);
  });

  it('keeps a better hint, and the cause', () => {
    const cause = new Error('why');
    expect(new PullError('NOT_FOUND', 'x', { hint: 'look elsewhere', cause })).toMatchObject({
      hint: 'look elsewhere',
      cause,
    });
  });

  it('shows no secrets of URLs, neither in the message nor in the hint nor in the stack', () => {
    const url = 'https://user:pass@example.com/blob?X-Amz-Signature=secret';
    const error = new PullError('NOT_FOUND', `no ${url}`, { hint: `try ${url}` });
    for (const text of [error.message, error.hint, error.stack]) {
      expect(text).toContain('https://example.com/blob');
      expect(text).not.toMatch(/secret|pass/);
    }
  });

  it.each(Object.keys(ERROR_CODES) as ErrorCode[])('has a meaning and a hint for %s', (code) => {
    expect(ERROR_CODES[code].meaning).toMatch(/\.$/);
    expect(new PullError(code, 'x').hint).not.toBe('');
  });
});

describe('redactUrls', () => {
  it.each([
    ['https://example.com/a/b', 'https://example.com/a/b'],
    ['https://example.com/a?sig=1&x=2', 'https://example.com/a'],
    ['https://example.com?sig=1', 'https://example.com'],
    ['https://example.com/a#token=1', 'https://example.com/a'],
    ['http://example.com:5000/a?x', 'http://example.com:5000/a'],
    ['https://user:pass@example.com/a', 'https://example.com/a'],
    ['https://token@example.com/', 'https://example.com/'],
    ['https://user:p@ss@example.com/', 'https://example.com/'],
    ['https://user:pass@example.com', 'https://example.com'],
    ['HTTPS://user:pass@Example.com/?q', 'HTTPS://Example.com/'],
    ['https://u:p@[::1]:8080/x?y', 'https://[::1]:8080/x'],
    ['https://example.com/app@sha256:abc', 'https://example.com/app@sha256:abc'],
    ['see "https://a.b/c?d" and <https://e.f/g?h>', 'see "https://a.b/c" and <https://e.f/g>'],
    ['https://a.b/?x=1 https://c.d/?y=2', 'https://a.b/ https://c.d/'],
    ['why? user@example.com #1', 'why? user@example.com #1'],
    ['example.com/app:v1@sha256:abc', 'example.com/app:v1@sha256:abc'],
    ['', ''],
  ])('turns %s into %s', (text, expected) => expect(redactUrls(text)).toBe(expected));

  it('stays fast with very long text', () => {
    const started = performance.now();
    redactUrls(`https://${'a:@'.repeat(100_000)}`);
    redactUrls('https://'.repeat(50_000));
    expect(performance.now() - started).toBeLessThan(5000);
  });
});

describe('describeError', () => {
  it.each([
    ['an error', new Error('it failed'), 'it failed'],
    ['an error without a message', new TypeError(), 'TypeError'],
    ['text', 'it failed', 'it failed'],
    ['nothing', undefined, 'undefined'],
    [
      'a code that the message does not name',
      Object.assign(new Error('it failed'), { code: 'EX' }),
      'it failed (EX)',
    ],
    ['a code that the message names', system('ENOENT'), 'ENOENT: it failed'],
    [
      'a code and no message',
      Object.assign(new AggregateError([]), { code: 'ECONNREFUSED' }),
      'AggregateError (ECONNREFUSED)',
    ],
    ['its own class, whose code says nothing new', new PullError('NOT_FOUND', 'x'), 'x'],
    ['causes', new Error('a', { cause: new Error('b', { cause: 'c' }) }), 'a: b: c'],
    ['a URL in a cause', new Error('a', { cause: new Error('https://x.y/z?sig=1') }), 'a: https://x.y/z'],
  ])('tells %s', (_, error, expected) => expect(describeError(error)).toBe(expected));
});

describe('toPullError', () => {
  const context = { code: 'STORE_FAILED', message: 'the store failed' } as const;

  it('passes its own class through, whatever the context', () => {
    const error = new PullError('NOT_FOUND', 'x');
    expect(toPullError(error)).toBe(error);
    expect(toPullError(error, context)).toBe(error);
  });

  it.each(['ENOSPC', 'EDQUOT'])('knows a full disk by %s, whatever the context', (code) => {
    const cause = system(code, { path: '/data/x' });
    expect(toPullError(cause, context)).toMatchObject({
      code: 'DISK_FULL',
      cause,
      message: expect.stringContaining('/data/x'),
    });
    expect(toPullError(system(code))).toMatchObject({ code: 'DISK_FULL' });
  });

  it('knows what was cancelled', () => {
    const cause = AbortSignal.abort().reason;
    expect(toPullError(cause)).toMatchObject({ code: 'ABORTED', cause });
    expect(toPullError(cause, context)).toMatchObject({ code: 'ABORTED' });
  });

  it('takes code and message of the context for the rest', () => {
    const cause = system('EACCES');
    expect(toPullError(cause, context)).toMatchObject({ ...context, cause });
  });

  it.each([
    ['an error', new Error('boom'), 'boom'],
    ['text', 'boom', 'boom'],
    ['null', null, 'null'],
    ['nothing', undefined, 'undefined'],
    ['a number', 7, '7'],
  ])('takes %s without context for a fault of its own', (_, thrown, message) => {
    expect(toPullError(thrown)).toMatchObject({ code: 'INTERNAL', message });
  });
});

describe('an error that crosses a thread boundary', () => {
  const there = (error: unknown) => fromErrorData(structuredClone(toErrorData(error)));

  it('keeps code, message, hint and the text of its cause', () => {
    const cause = new Error('outer', { cause: new Error('inner') });
    const error = there(new PullError('TAR_INVALID', 'layer 3', { hint: 'rebuild', cause }));
    expect(error).toBeInstanceOf(PullError);
    expect(error).toMatchObject({
      code: 'TAR_INVALID',
      message: 'layer 3',
      hint: 'rebuild',
      cause: { message: 'outer: inner' },
    });
  });

  it('has no cause where there was none', () =>
    expect('cause' in there(new PullError('ABORTED', 'x'))).toBe(false));

  it('becomes a PullError if it was none', () => {
    expect(there(system('ENOSPC'))).toMatchObject({ code: 'DISK_FULL' });
    expect(there(new RangeError('no'))).toMatchObject({ code: 'INTERNAL', message: 'no' });
  });

  it('carries no secret in its cause', () => {
    const { cause } = toErrorData(
      new PullError('NOT_FOUND', 'x', { cause: new Error('GET https://x.y/z?sig=secret') }),
    );
    expect(cause).toBe('GET https://x.y/z');
  });
});
