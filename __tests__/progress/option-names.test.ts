import { describe, expect, it } from 'vitest';
import { failureText } from '../../src/action/failure.ts';
import { parsePull } from '../../src/cli/arguments.ts';
import { renderError } from '../../src/cli/report.ts';
import { PullError } from '../../src/errors.ts';
import { asFlags } from '../../src/progress/option-names.ts';

const HINT =
  'Give `username` and `password`, name `mirrors`, or set `tls-verify` to false; run `docker login`.';

describe('an option in a message', () => {
  const error = new PullError('UNAUTHORIZED', 'refused', { hint: HINT });

  it('is an input in the log of the action', () => {
    expect(failureText(error, {}).message).toContain(
      'refused\nGive the input username and the input password, name the input mirrors, or set the input tls-verify to false; run `docker login`.\n',
    );
  });

  it('is a flag on the command line', () => {
    expect(renderError(error)).toContain(
      'hint: Give --username and --password-stdin, name --mirror, or set --tls-verify to false; run `docker login`.',
    );
  });

  it.each([
    'platform',
    'ownership',
    'limits',
    'authfile',
    'mirrors',
    'hosts-dir',
    'ca-file',
    'tls-verify',
    'seed',
  ])('has a flag that there is: %s', (name) => {
    const flag = asFlags(`\`${name}\``);
    const value = { '--ownership': 'auto', '--tls-verify': 'false' }[flag] ?? 'x';
    expect(parsePull(['image', 'rootfs', flag, value])).toMatchObject({ image: 'image' });
  });
});
