import fc from 'fast-check';
import picomatch from 'picomatch';
import { describe, expect, it } from 'vitest';
import { createSelection, type Selection } from '../../src/unpack/selection.ts';

/**
 * Means the same, in time that a name can make long. The library has a/** match a, but not what begins with a star, takes ! in brackets for
 * a character, has what is in none of them be a slash, and does not take what is below a match.
 */
function reference(pattern: string): (path: string) => boolean {
  const shared = pattern.replace(/\[[!^]/g, '[^/');
  const glob = shared.replace(/(^|\/)\*\*(?:\/\*\*)+(?=\/|$)/g, '$1**');
  const above = glob.endsWith('/**') ? [glob.slice(0, -'/**'.length)] : [];
  return picomatch([glob, `${glob}/**`, ...above], {
    dot: true,
    nonegate: true,
    noextglob: true,
    flags: 's',
  });
}

const piece = fc.constantFrom(
  'a',
  'b',
  '-',
  '.',
  'a',
  '*',
  '?',
  '[ab]',
  '[!a]',
  '[^-]',
  '{a,b-}',
  '{b,{a,?.}}',
);
const segment = fc.oneof(
  { weight: 3, arbitrary: fc.array(piece, { minLength: 1, maxLength: 5 }).map((pieces) => pieces.join('')) },
  { weight: 1, arbitrary: fc.constant('**') },
);
const pattern = fc
  .array(segment, { minLength: 1, maxLength: 4 })
  .map((segments) => segments.join('/'))
  // Those without wildcards are trees, those with three stars in one another are nothing.
  .filter(
    (text) => /[*?[{]/.test(text) && !/\*{2}[^/]|[^/]\*{2}/.test(text) && !/(^|\/)\.{1,2}(\/|$)/.test(text),
  );
const name = fc.string({ unit: fc.constantFrom('a', 'b', '-', '.'), minLength: 1, maxLength: 6 });
const path = fc
  .array(
    name.filter((text) => text !== '.' && text !== '..'),
    { minLength: 1, maxLength: 5 },
  )
  .map((names) => names.join('/'));

function has(selection: Selection | undefined, path: string): boolean | undefined {
  return (
    selection &&
    path.split('/').reduce((above, each) => selection.below(above, each), selection.root).isWanted
  );
}

describe('a glob', () => {
  it('matches what picomatch says', () => {
    let matched = 0;
    fc.assert(
      fc.property(pattern, fc.array(path, { minLength: 20, maxLength: 20 }), (text, paths) => {
        const [selection, matches] = [createSelection([text]), reference(text)];
        for (const one of paths) {
          expect(has(selection, one), `${text} ${one}`).toBe(matches(one));
          if (matches(one)) matched++;
        }
      }),
      { numRuns: 2000 },
    );
    expect(matched).toBeGreaterThan(1000);
  });

  it.each([
    ['opt/*-*-*-*', `opt/${'-'.repeat(254)}x/`.slice(0, -1)],
    ['*a*a*a*b', 'a'.repeat(255)],
    [`**/${'a/**/'.repeat(200)}b`, Array(1024).fill('a').join('/')],
    ['**/*a*/**/*a*/**/*a*b', Array(16).fill('a'.repeat(255)).join('/')],
  ])('is held against the longest of names in no time (%s)', (text, long) => {
    const selection = createSelection([`${text}z`]);
    const start = performance.now();
    expect(has(selection, long)).toBe(false);
    expect(performance.now() - start).toBeLessThan(500);
  });
});
