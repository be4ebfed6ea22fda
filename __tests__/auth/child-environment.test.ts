import { expect, it } from 'vitest';
import { childEnvironment } from '../../src/auth/child-environment.ts';

it('holds everything but the inputs of the action', () => {
  const env = { PATH: '/bin', INPUT_PASSWORD: 'secret', 'INPUT_GITHUB-TOKEN': 'secret', Input_image: 'x' };
  expect(childEnvironment({ ...env, INPUTRC: '/etc/inputrc', AWS_PROFILE: 'ci' })).toEqual({
    PATH: '/bin',
    INPUTRC: '/etc/inputrc',
    AWS_PROFILE: 'ci',
  });
});
