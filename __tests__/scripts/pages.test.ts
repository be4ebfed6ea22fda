import { describe, expect, it } from 'vitest';
import {
  renderErrors,
  renderInputs,
  renderLimits,
  renderOutputs,
  updateReadme,
} from '../../scripts/docs/pages.ts';

const METADATA = {
  inputs: [
    { name: 'image', description: 'The image.', required: true },
    { name: 'mode', description: 'One of a|b.', required: false, default: 'a' },
    { name: 'dir', description: 'A directory.', required: false, default: '' },
  ],
  outputs: [{ name: 'digest', description: 'The digest.' }],
};
const LIMITS = [{ name: 'entries', default: '5', meaning: 'entries' }];

describe('the tables', () => {
  it('show inputs with what they default to', () => {
    expect(renderInputs(METADATA.inputs).split('\n').slice(2)).toEqual([
      '| `image` | *required* | The image. |',
      '| `mode` | `a` | One of a\\|b. |',
      '| `dir` |  | A directory. |',
    ]);
  });

  it('show outputs', () => {
    expect(renderOutputs(METADATA.outputs)).toContain('| `digest` | The digest. |');
  });

  it('show limits', () => {
    expect(renderLimits(LIMITS)).toContain('| `entries` | 5 | entries |');
  });
});

describe('updateReadme', () => {
  const readme =
    'a\n<!-- inputs:start -->\nold\n<!-- inputs:end -->\nb\n<!-- outputs:start -->\n<!-- outputs:end -->\nc\n<!-- limits:start -->\n<!-- limits:end -->\nd\n';

  it('replaces what stands between the markers and nothing else', () => {
    const updated = updateReadme(readme, METADATA, LIMITS);
    expect(updated).not.toContain('old');
    expect(updated.replaceAll(/-->\n[\s\S]*?\n<!--/g, '-->…<!--')).toBe(
      'a\n<!-- inputs:start -->…<!-- inputs:end -->…<!-- outputs:start -->…<!-- outputs:end -->…<!-- limits:start -->…<!-- limits:end -->\nd\n',
    );
  });

  it('changes nothing the second time', () => {
    const updated = updateReadme(readme, METADATA, LIMITS);
    expect(updateReadme(updated, METADATA, LIMITS)).toBe(updated);
  });

  it('refuses a README without the markers', () => {
    expect(() => updateReadme('text', METADATA, LIMITS)).toThrow(/inputs:start/);
  });
});

it('gives each error code a heading, its meaning and its hint', () => {
  const page = renderErrors({ NOT_FOUND: { meaning: 'It is not there.', hint: 'Look elsewhere.' } });
  expect(page).toMatch(/\n## NOT_FOUND\n\nIt is not there\.\n\n\*\*What to do:\*\* Look elsewhere\.\n$/);
});
