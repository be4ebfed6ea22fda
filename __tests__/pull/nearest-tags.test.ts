import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { PullError } from '../../src/errors.ts';
import { nameTags, nearestTags } from '../../src/pull/nearest-tags.ts';
import { createFakeSource } from '../support/fake-source.ts';

describe('nearestTags', () => {
  it.each<[string, string, readonly string[], readonly string[]]>([
    ['a slip of the pen', 'lastest', ['v1', 'latest', 'edge'], ['latest']],
    ['another case', 'V1.2', ['v1.2', 'v9.9.9'], ['v1.2']],
    ['a variant before another version', '22', ['20', '22-slim', '24'], ['22-slim', '20', '24']],
    ['a shorter name', 'v1.2.3', ['v1', 'v1.2', 'unrelated'], ['v1', 'v1.2']],
    ['the last ones where none is near', 'main', ['1.9.0', '1.10.0', '1.2.0'], ['1.10.0', '1.9.0', '1.2.0']],
    ['nothing where there is nothing', 'main', [], []],
  ])('finds %s', (_, wanted, tags, expected) => {
    expect(nearestTags(wanted, tags)).toEqual(expected);
  });

  it('names a few of many, and only such as there are', () => {
    const tag = fc.stringMatching(/^[\w][\w.-]{0,20}$/);
    fc.assert(
      fc.property(tag, fc.uniqueArray(tag), (wanted, tags) => {
        const found = nearestTags(wanted, tags);
        expect(found.length).toBe(Math.min(5, found.length));
        expect(tags.length === 0 || found.length > 0).toBe(true);
        expect(found.every((one) => tags.includes(one))).toBe(true);
      }),
    );
  });
});

describe('nameTags', () => {
  const source = { ...createFakeSource({}), tags: async () => ['v1', 'v2'] };
  const error = new PullError('NOT_FOUND', 'manifest v3 of host/app: 404');

  it('names the tags of a repository that lacks the wanted one', async () => {
    expect(await nameTags(error, source, 'v3')).toMatchObject({
      code: 'NOT_FOUND',
      message: error.message,
      hint: 'The repository has other tags, for example v1, v2.',
    });
  });

  it('leaves other failures, digests and silent registries as they are', async () => {
    const refused = new PullError('UNAUTHORIZED', 'no');
    expect(await nameTags(refused, source, 'v3')).toBe(refused);
    expect(await nameTags(error, source, `sha256:${'0'.repeat(64)}`)).toBe(error);
    expect(await nameTags(error, createFakeSource({}), 'v3')).toBe(error);
  });
});
