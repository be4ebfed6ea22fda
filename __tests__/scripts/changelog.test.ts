import { expect, it } from 'vitest';
import { changesOf } from '../../scripts/docs/changelog.ts';

const CHANGELOG =
  '# Changelog\n\n## [1.2.0] - 2026-01-02\n\n### Added\n\n- b\n\n## [1.1.0] - 2026-01-01\n\n- a\n';

it.each([
  ['1.2.0', '### Added\n\n- b'],
  ['1.1.0', '- a'],
])('finds the changes of %s', (version, changes) => {
  expect(changesOf(CHANGELOG, version)).toBe(changes);
});

it.each(['1.0.0', '1', ''])('refuses version %j, which has none', (version) => {
  expect(() => changesOf(CHANGELOG, version)).toThrow(/no changes/);
});
