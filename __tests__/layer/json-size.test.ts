import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isParseable, MAX_OBJECT_MEMBERS, MAX_SHAPES } from '../../src/layer/json-size.ts';

const holds = (json: string) => isParseable(Buffer.from(json));
/** Members of an object, each with a name of its own. */
const members = (count: number, first = 0) =>
  Array.from({ length: count }, (_, at) => `"${(first + at).toString(36)}":0`).join();
const object = (count: number, first = 0) => `{${members(count, first)}}`;

describe('a document', () => {
  it.each([
    ['an object with as many members as one may have', object(MAX_OBJECT_MEMBERS)],
    ['many objects with the same names', `[${Array(10_000).fill(object(5)).join()}]`],
    ['a long list in an object', `{"a":[${'0,'.repeat(50_000)}0],"b":0}`],
    ['commas in a string', `{"a":"${','.repeat(50_000)}"}`],
    ['commas and brackets in a name', `{"${',{['.repeat(10_000)}":0}`],
    ['commas behind an escaped quote', `{"a":"\\"${','.repeat(50_000)}"}`],
    ['commas before an escaped backslash', `{"a":"${','.repeat(50_000)}\\\\","b":0}`],
  ])('may have %s', (_, json) => {
    expect(holds(json)).toBe(true);
    expect(() => JSON.parse(json)).not.toThrow();
  });

  it.each([
    ['an object with more members', object(MAX_OBJECT_MEMBERS + 1)],
    ['one deep inside', `{"a":[[{"b":${object(MAX_OBJECT_MEMBERS + 1)}}]]}`],
    ['one with lists and objects as members', `{${members(4000)},"x":{"a":[1,2]},${members(4000, 4000)}}`],
    ['one behind an escaped backslash', `{"a":"\\\\",${members(MAX_OBJECT_MEMBERS)}}`],
    [
      'objects that all have other names',
      `[${Array.from({ length: MAX_SHAPES }, (_, at) => object(2, 2 * at)).join()}]`,
    ],
    ['lists deep in one another', `${'['.repeat(65)}${']'.repeat(65)}`],
    ['more ends than beginnings', '[]]'],
  ])('may not have %s', (_, json) => expect(holds(json)).toBe(false));

  it('may be anything small, whatever its strings hold', () => {
    fc.assert(fc.property(fc.json({ maxDepth: 10 }), (json) => holds(json)));
  });
});
