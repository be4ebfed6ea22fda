import { describe, expect, it } from 'vitest';
import { formatLimit, NAMED_LIMITS, parseLimits } from '../../src/pull/limits.ts';
import { DEFAULT_LIMITS } from '../../src/unpack/limits.ts';

const parse = (...settings: string[]) => parseLimits(settings, 'the input limits');

describe('limits', () => {
  it('have a name each', () => {
    const keys = NAMED_LIMITS.map(({ key }) => key);
    expect(keys.toSorted()).toEqual(Object.keys(DEFAULT_LIMITS).toSorted());
  });

  it.each([
    [[], {}],
    [['entries=10'], { entries: 10 }],
    [['file-size=1000'], { fileSize: 1000 }],
    [['file-size=8KiB', 'total-size=3MiB'], { fileSize: 8192, totalSize: 3 * 2 ** 20 }],
    [['total-size=1TiB', 'file-size=2GiB'], { totalSize: 2 ** 40, fileSize: 2 ** 31 }],
    [['path-length=100', 'name-length=20', 'depth=5'], { pathLength: 100, componentLength: 20, depth: 5 }],
    [['entries=9007199254740991'], { entries: Number.MAX_SAFE_INTEGER }],
  ])('%j become %j', (settings, limits) => {
    expect(parse(...settings)).toEqual(limits);
  });

  it.each([
    'entries',
    'entries=',
    '=5',
    'entries=0',
    'entries=-1',
    'entries=1.5',
    'entries=1e3',
    'entries=10KiB',
    'entries=9007199254740992',
    'file-size=1MB',
    'file-size=1 MiB',
    'file-size=MiB',
    'file-size=9007199254740991KiB',
    'files=10',
    'fileSize=10',
    '__proto__=1',
    'entries=1=2',
  ])('refuse %j with the name of the input', (setting) => {
    expect(() => parse(setting)).toThrow(
      expect.objectContaining({
        code: 'INPUT_INVALID',
        message: expect.stringMatching(/the input limits.*=|the input limits.*entries/),
      }),
    );
  });

  it('refuse a name that comes twice', () => {
    expect(() => parse('depth=4', 'depth=4')).toThrow(expect.objectContaining({ code: 'INPUT_INVALID' }));
  });

  it('are shown as they may be written', () => {
    const shown = NAMED_LIMITS.map((limit) => `${limit.name}=${formatLimit(limit).replace(' ', '')}`);
    expect(parse(...shown)).toEqual(DEFAULT_LIMITS);
    expect(shown).toContain('file-size=64GiB');
  });
});
