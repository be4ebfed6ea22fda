import { describe, expect, it } from 'vitest';
import { parseActionMetadata } from '../../scripts/docs/action-metadata.ts';

/** As GitHub fills it in at run time. */
const EXPRESSION = ['$', '{{ github.token }}'].join('');

const METADATA = `
name: Example
description: >-
  not looked at
inputs:
  # a remark
  image:
    description: The image, for example ghcr.io/me/app.
    required: true
  destination:
    description: >-
      Where the image goes;
      relative to the workspace.
    default: rootfs
  github-token:
    description: 'Quoted: it''s a token.'
    required: false
    default: ${EXPRESSION}
  prefix:
    description: "Double quoted # not a remark"
    default: ''

outputs:
  digest:
    description: Digest of the manifest.

runs:
  using: node24
`;

describe('parseActionMetadata', () => {
  const { inputs, outputs } = parseActionMetadata(METADATA);

  it('reads inputs in their order', () => {
    expect(inputs).toEqual([
      { name: 'image', description: 'The image, for example ghcr.io/me/app.', required: true },
      {
        name: 'destination',
        description: 'Where the image goes; relative to the workspace.',
        required: false,
        default: 'rootfs',
      },
      {
        name: 'github-token',
        description: "Quoted: it's a token.",
        required: false,
        default: EXPRESSION,
      },
      { name: 'prefix', description: 'Double quoted # not a remark', required: false, default: '' },
    ]);
  });

  it('reads outputs', () => {
    expect(outputs).toEqual([{ name: 'digest', description: 'Digest of the manifest.' }]);
  });

  const withInput = (property: string) =>
    `inputs:\n  image:\n    ${property}\noutputs:\n  a:\n    description: b\n`;

  it.each([
    ['an unknown property', withInput('descripton: typo'), /line 3.*descripton/],
    ['a flow collection', withInput('description: [a, b]'), /line 3/],
    ['a literal block', withInput('description: |'), /line 3/],
    ['an anchor', withInput('description: &a text'), /line 3/],
    ['a plain value with a colon', withInput('description: see: there'), /line 3/],
    ['a plain value with a remark', withInput('description: text # remark'), /line 3/],
    ['an escape', withInput('description: "a\\n"'), /line 3/],
    ['a missing description', withInput('required: true'), /image has no description/],
    ['a wrong indentation', 'inputs:\n   image:\n    description: a\noutputs:\n', /line 2/],
    ['a name in capitals', 'inputs:\n  Image:\n    description: a\noutputs:\n', /line 2/],
    ['no outputs', 'inputs:\n  image:\n    description: a\n', /no outputs/],
  ])('refuses %s', (_, text, message) => {
    expect(() => parseActionMetadata(text)).toThrow(message);
  });
});
