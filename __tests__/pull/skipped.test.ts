import { describe, expect, it } from 'vitest';
import { countsInWords, renderSkipList, summarizeSkips } from '../../src/pull/skipped.ts';
import type { Skip, SkipReport } from '../../src/unpack/skips.ts';

const ABOUT = { image: 'example.com/app@sha256:aa', platform: 'linux/amd64', ownership: 'runner' } as const;

function report(...paths: string[]): SkipReport {
  const named = paths.map((path): Skip => ({ path, kind: 'device', reason: 'no' }));
  return { count: paths.length, byKind: { device: paths.length, fifo: 0, xattr: 0 }, named };
}

const listOf = (skipped: SkipReport) =>
  JSON.parse(Buffer.from(renderSkipList(skipped, ABOUT) ?? '').toString());
const latin1 = (text: string) => Buffer.from(text).toString('latin1');

describe('the list of what was left out', () => {
  it('is not there where nothing was', () => {
    expect(renderSkipList(report(), ABOUT)).toBeUndefined();
  });

  it('tells of which pull it is, how many of which kind there are, and names them', () => {
    expect(listOf(report('dev/null'))).toEqual({
      tool: 'oci-pull',
      version: 1,
      ...ABOUT,
      count: 1,
      counts: { device: 1, fifo: 0, xattr: 0 },
      entries: [{ path: '/dev/null', kind: 'device', reason: 'no' }],
    });
  });

  it('counts also what it does not name', () => {
    expect(listOf({ ...report('a'), count: 12_000 })).toMatchObject({ count: 12_000, entries: [{}] });
  });

  it.each([
    ['caf\xe9', 'L2NhZuk='],
    ['\xff', 'L/8='],
    ['\xed\xa0\x80', 'L+2ggA=='],
  ])('gives the bytes of a name that is no UTF-8', (path, base64) => {
    expect(listOf(report(path)).entries).toEqual([{ 'path-base64': base64, kind: 'device', reason: 'no' }]);
  });

  it.each(['é', '\ufeffx', 'a\nb', '\ufffd', '😀', 'a\u0000b'])('gives the text %j as text', (name) => {
    expect(listOf(report(latin1(name))).entries[0].path).toBe(`/${name}`);
  });
});

describe('the summary of what was left out', () => {
  it('names the first few, as text', () => {
    const summary = summarizeSkips(report(...Array.from({ length: 9 }, (_, at) => latin1(`é${at}`))));
    expect(summary.count).toBe(9);
    expect(summary.first.map(({ path }) => path)).toEqual(['/é0', '/é1', '/é2', '/é3', '/é4']);
  });

  it('counts by kind', () => {
    expect(countsInWords({ byKind: { device: 2, fifo: 0, xattr: 1 } })).toBe(
      '2 devices, 1 extended attribute',
    );
    expect(countsInWords({ byKind: { device: 0, fifo: 3, xattr: 0 } })).toBe('3 FIFOs');
  });
});
