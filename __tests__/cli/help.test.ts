import { expect, it } from 'vitest';
import { PULL_OPTIONS } from '../../src/cli/arguments.ts';
import { CACHE_HELP, HELP } from '../../src/cli/help.ts';
import { SURVEY_HELP } from '../../src/cli/survey-help.ts';

it.each([HELP, CACHE_HELP, SURVEY_HELP])('fits a terminal of 120 columns: %.30s', (help) => {
  expect(Math.max(...help.split('\n').map((line) => line.length))).toBeLessThanOrEqual(120);
});

it('names every option that is understood', () => {
  expect(PULL_OPTIONS.length).toBeGreaterThan(8);
  expect(PULL_OPTIONS.filter((name) => !HELP.includes(name))).toEqual([]);
});

it.each([HELP, CACHE_HELP, SURVEY_HELP])('tells of help and exit status: %.30s', (help) => {
  expect(help).toMatch(/^ {2}-q, --quiet /m);
  expect(help).toMatch(/^ {2}-h, --help /m);
  expect(help).toContain('Exit status: 0 done, 1 failed');
});

it.each([HELP, SURVEY_HELP])('of what asks registries tells of debugging: %.30s', (help) => {
  expect(help).toContain('OCI_PULL_DEBUG=1');
});
