// Random stacks of layers, of which random globs want a part: what is unpacked is the whole tree without what does not match. Some
// layers come as tar streams, some by their tables of contents with the content of files that are needed.
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { PullError } from '../../src/errors.ts';
import { unpackPart } from '../support/unpack-part.ts';
import { OWNERS } from '../support/unpack-room.ts';
import { stacks } from './arbitraries.ts';
import { type Arena, openArena } from './arena.ts';
import { expectTree, IMAGE_FAULTS } from './check.ts';
import { tarsOf } from './encode.ts';
import { expectedRecords } from './expected.ts';
import { forChunked } from './images.ts';
import type { Inode } from './model.ts';
import { fuzz, TIMEOUT } from './settings.ts';
import { settle } from './settle.ts';
import { showStack } from './show.ts';

const segment = fc.oneof(
  { weight: 6, arbitrary: fc.constantFrom('a', 'b', 'c') },
  { weight: 2, arbitrary: fc.constantFrom('*', '?', '**', '[ab]', '{a,c}', 'a*', '*b') },
  { weight: 1, arbitrary: fc.constantFrom('.wh', '__proto__', '-f', '\xe9', '...') },
);
const glob = fc
  .tuple(fc.array(segment, { minLength: 1, maxLength: 3 }), fc.constantFrom('', '', '/', '/**', '/*'))
  .map(([segments, end]) => segments.join('/') + end);
/** Used for one layer after the other, over and over: does it come by its table of contents? */
const byToc: fc.Arbitrary<boolean[]> = fc.oneof(
  fc.constant([false] as boolean[]),
  fc.constant([true] as boolean[]),
  fc.array(fc.boolean(), { minLength: 2, maxLength: 5 }),
);
const globs = fc.tuple(
  fc.array(glob, { minLength: 1, maxLength: 3 }),
  fc.array(
    glob.map((text) => `!${text}`),
    { maxLength: 2 },
  ),
);

/** Written for these globs only, and from their description: `[` and `{` hold single characters. */
function matches(pattern: string, path: string): boolean {
  return matchParts([...pattern.split('/').filter(Boolean), '**'], path.split('/'));
}

function matchParts([part, ...parts]: readonly string[], names: readonly string[]): boolean {
  if (part === undefined) return names.length === 0;
  if (part === '**')
    return names.some((_, skipped) => matchParts(parts, names.slice(skipped))) || matchParts(parts, []);
  const [name, ...rest] = names;
  return name !== undefined && matchName(part, name) && matchParts(parts, rest);
}

function matchName(part: string, name: string): boolean {
  const source = part.replace(/[.*?]|\{a,c\}/g, (found) =>
    found === '*' ? '.*' : found === '?' ? '.' : found === '{a,c}' ? '[ac]' : '\\.',
  );
  return new RegExp(`^${source}$`, 's').test(name);
}

/** Patterns are text: bytes that are none are replaced. */
function isWanted(patterns: readonly string[], path: string): boolean {
  const text = Buffer.from(path, 'latin1').toString('utf8');
  const [excludes, includes] = [
    patterns.filter((pattern) => pattern.startsWith('!')),
    patterns.filter((pattern) => !pattern.startsWith('!')),
  ];
  return (
    includes.some((pattern) => matches(pattern, text)) &&
    !excludes.some((pattern) => matches(pattern.slice(1), text))
  );
}

/**
 * An empty link target is refused by the kernel only, which is not asked where the link is not wanted. A pax record with an empty name
 * is none, and then the name in the header of a sparse file is one.
 */
const NO_FAILURES: readonly unknown[] = ['empty link target', 'empty name'];

function filterTree(inodes: ReadonlyMap<string, Inode>, patterns: readonly string[]) {
  const matched = [...inodes.keys()].filter((path) => path !== '' && isWanted(patterns, path));
  const kept = [...inodes].filter(
    ([path]) => path === '' || matched.some((wanted) => wanted === path || wanted.startsWith(`${path}/`)),
  );
  return { matched, inodes: new Map(kept) };
}

let arena: Arena;
beforeAll(() => {
  arena = openArena();
});
afterAll(() => arena[Symbol.dispose]());

describe('random parts of random stacks', () => {
  it.each(OWNERS)(
    'are the filtered tree of the model with owner %s, or fail where the whole does',
    async (owner) => {
      const seen = { retries: 0, matched: 0, byToc: 0 };
      await fuzz(fc.tuple(stacks(), globs, byToc), 400, async ([wish, [includes, excludes], toc]) => {
        const paths = [...includes, ...excludes];
        const stack = settle(toc.includes(true) ? forChunked(wish) : wish, {
          outside: arena.outside,
          forUmoci: false,
        });
        const report = await unpackPart(tarsOf(stack), wish.slices, {
          fresh: () => arena.fresh(),
          options: { owner, paths },
          isToc: (layer) => toc[layer % toc.length] === true,
        }).catch((error: unknown) => ({ error }));
        arena.expectUntouched();
        const story = `${paths.join(' ')}; ${toc}\n${showStack(stack)}`;
        if ('error' in report) {
          if (stack.failure === undefined) throw new Error(`failed:\n${story}`, { cause: report.error });
          expect(IMAGE_FAULTS, story).toContain((report.error as PullError).code);
          return;
        }
        if (NO_FAILURES.includes(stack.failure)) return;
        if (stack.failure !== undefined) throw new Error(`"${stack.failure}" did not fail:\n${story}`);
        const wanted = filterTree(stack.model.inodes, paths);
        seen.retries += report.attempts - 1;
        seen.matched += wanted.matched.length;
        if (!toc.includes(false)) {
          seen.byToc++;
          // All of it is known before anything is fetched.
          expect(report.attempts, story).toBe(1);
        }
        try {
          expectTree(report.root, stack, owner, expectedRecords(wanted, owner));
        } catch (error) {
          throw new Error(`${paths.join(' ')}; ${toc}\n${(error as Error).message}`, { cause: error });
        }
        expect(report.part?.matched, story).toBe(wanted.matched.length);
        expect(new Set(report.part?.idle), story).toEqual(idlePatterns(paths, stack.model.inodes));
      });
      // Otherwise it has tested next to nothing.
      expect(seen.matched).toBeGreaterThan(0);
      expect(seen.retries).toBeGreaterThan(0);
      expect(seen.byToc).toBeGreaterThan(0);
    },
    TIMEOUT,
  );

  it(
    'are the whole tree where nothing is left out, and no file is written that an upper layer takes away',
    async () => {
      const seen = { spared: 0 };
      await fuzz(fc.tuple(stacks(), byToc), 200, async ([wish, toc]) => {
        const stack = settle(toc.includes(true) ? forChunked(wish) : wish, {
          outside: arena.outside,
          forUmoci: false,
        });
        if (stack.failure !== undefined) return;
        const report = await unpackPart(tarsOf(stack), wish.slices, {
          fresh: () => arena.fresh(),
          options: { owner: 'runner' },
          isToc: (layer) => toc[layer % toc.length] === true,
        });
        expectTree(report.root, stack, 'runner');
        if (toc.includes(false) || !report.part) return;
        const inodes = new Set(stack.model.inodes.values());
        const alive = [...inodes].reduce((sum, { content }) => sum + content.length, 0);
        expect(report.part.bytesWritten, showStack(stack)).toBe(alive);
        seen.spared += report.part.bytesRead - alive;
      });
      expect(seen.spared).toBeGreaterThan(0);
    },
    TIMEOUT,
  );
});

/** Those that match nothing, and those with `!` that leave out nothing that would be wanted without any of them. */
function idlePatterns(patterns: readonly string[], inodes: ReadonlyMap<string, Inode>): Set<string> {
  const includes = patterns.filter((pattern) => !pattern.startsWith('!'));
  const wanted = [...inodes.keys()].filter((path) => path !== '' && isWanted(includes, path));
  return new Set(
    patterns.filter((pattern) => !wanted.some((path) => isWanted([pattern.replace(/^!/, '')], path))),
  );
}
