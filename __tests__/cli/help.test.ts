import { expect, it } from 'vitest';
import { PULL_OPTIONS } from '../../src/cli/arguments.ts';
import { HELP } from '../../src/cli/help.ts';

it('fits a terminal of 120 columns', () => {
  expect(Math.max(...HELP.split('\n').map((line) => line.length))).toBeLessThanOrEqual(120);
});

it('names every option that is understood', () => {
  expect(PULL_OPTIONS.length).toBeGreaterThan(8);
  expect(PULL_OPTIONS.filter((name) => !HELP.includes(name))).toEqual([]);
});
