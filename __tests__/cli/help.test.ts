import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { HELP } from '../../src/cli/help.ts';

const ROOT = new URL('../../', import.meta.url);

it('fits a terminal of 120 columns', () => {
  expect(Math.max(...HELP.split('\n').map((line) => line.length))).toBeLessThanOrEqual(120);
});

it('names every option that is understood', () => {
  const source = readFileSync(new URL('src/cli/arguments.ts', ROOT), 'utf8');
  const names = [...source.matchAll(/^ {2}'?([a-z-]+)'?: \{ type:/gm)].map(([, name]) => `--${name}`);
  expect(names.length).toBeGreaterThan(8);
  expect(names.filter((name) => !HELP.includes(name))).toEqual([]);
});
