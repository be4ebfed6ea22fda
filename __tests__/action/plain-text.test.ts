import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { forLog, forMarkdown } from '../../src/action/plain-text.ts';

describe('text for the log', () => {
  it.each([
    ['two\nlines', 'two lines'],
    ['::error::x', ' : :error::x'],
    ['  ::set-output name=a::b', ' : :set-output name=a::b'],
    ['a\n::add-mask::b', 'a ::add-mask::b'],
    ['before ##[error]after', 'before # #[error]after'],
    ['\u001b[31mred', ' [31mred'],
    ['left\u202eright', 'left right'],
    ['broken \ud800', 'broken \ufffd'],
  ])('%j becomes %j', (text, expected) => {
    expect(forLog(text)).toBe(expected);
  });

  it('never is a workflow command, and never more than a line', () => {
    const parts = fc.constantFrom('::', '##', '[', '#', ':', ' ', '\n', '\r', 'error', '\u2028', '\u200b');
    fc.assert(
      fc.property(fc.array(parts), (pieces) => {
        const text = forLog(pieces.join(''));
        expect(text.trimStart().startsWith('::')).toBe(false);
        expect(text).not.toContain('##[');
        expect(text).not.toMatch(/[\r\n\u2028\u2029]/);
      }),
    );
  });

  it('is not endless', () => {
    expect(forLog('x'.repeat(1_000_000)).length).toBeLessThan(3000);
  });
});

describe('text for Markdown', () => {
  it.each([
    ['plain words, 1.5 (or so)', 'plain words, 1.5 (or so)'],
    ['a|b', 'a&#124;b'],
    ['<img src=x>', '&#60;img src=x&#62;'],
    ['`code` **bold** [link](x)', '&#96;code&#96; &#42;&#42;bold&#42;&#42; &#91;link&#93;(x)'],
    ['@team #1', '&#64;team &#35;1'],
    ['see https://evil.test', 'see https&#58;//evil.test'],
    ['&lt;', '&#38;lt;'],
    ['grün 漢字', 'grün 漢字'],
    ['two\nlines', 'two lines'],
  ])('%j becomes %j', (text, expected) => {
    expect(forMarkdown(text)).toBe(expected);
  });

  it('holds nothing that could be markup', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        const rest = forMarkdown(text).replaceAll(/&#\d+;/g, '');
        expect(rest).not.toMatch(/[<>&`*_[\]{}|#@!\\~^$"'\n\r]/);
      }),
    );
  });
});
