import { describe, expect, it } from 'vitest';
import { LayerAnswers, type NumberedGroup } from '../../src/fetch/layer-answers.ts';

const groups = [0, 1, 2, 3].map((id): NumberedGroup => {
  const range = { start: id * 10, end: id * 10 + 10 };
  return { id, range, pieces: [range], layer: 0, pack: 0, packOffset: id * 10, keptBytes: 10 };
});
const [first, second, third, fourth] = groups as [NumberedGroup, NumberedGroup, NumberedGroup, NumberedGroup];

describe('the answers of a layer', () => {
  it('bring their own group each, if they are ranges', () => {
    const answers = new LayerAnswers(groups);
    expect(groups.map((group) => answers.claim(group, false))).toEqual(groups.map((group) => [group]));
    expect(answers.isWhole).toBe(false);
  });

  it('bring everything, if the first is whole', () => {
    const answers = new LayerAnswers(groups);
    expect(answers.claim(second, true)).toEqual(groups);
    expect(answers.isWhole).toBe(true);
  });

  it('bring all that no other brings, if a later one is whole', () => {
    const answers = new LayerAnswers(groups);
    answers.claim(first, false);
    answers.claim(third, false);
    expect(answers.claim(fourth, true)).toEqual([second, fourth]);
  });

  it.each([true, false])('bring nothing after a whole one (whole: %s)', (isWhole) => {
    const answers = new LayerAnswers(groups);
    answers.claim(first, true);
    expect(answers.claim(second, isWhole)).toEqual([]);
  });
});
