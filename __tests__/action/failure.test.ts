import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { failureText, reportFailure } from '../../src/action/failure.ts';
import { ERROR_CODES, PullError } from '../../src/errors.ts';
import { type FakeRunner, startRunner } from '../support/runner.ts';

describe('a failure', () => {
  it('carries its code in the title and its hint in the message', () => {
    const text = failureText(new PullError('NOT_FOUND', 'registry.test/app: no such tag'), {});
    expect(text).toEqual({
      title: 'oci-pull: NOT_FOUND',
      message: `registry.test/app: no such tag\n${ERROR_CODES.NOT_FOUND.hint}\nSee docs/errors.md#not_found`,
      cause: undefined,
    });
  });

  it('links to the explanation in the version of the action that runs', () => {
    const env = {
      GITHUB_SERVER_URL: 'https://github.test',
      GITHUB_ACTION_REPOSITORY: 'owner/oci-pull-action',
      GITHUB_ACTION_REF: 'v1',
    };
    expect(failureText(new PullError('TAR_INVALID', 'x'), env).message).toMatch(
      /\nSee https:\/\/github\.test\/owner\/oci-pull-action\/blob\/v1\/docs\/errors\.md#tar_invalid$/,
    );
  });

  it('keeps causes without their secrets', () => {
    const cause = new Error('GET https://user:pw@host/x?sig=secret failed');
    const text = failureText(new PullError('REGISTRY_UNAVAILABLE', 'gone', { hint: 'wait', cause }), {});
    expect(text.cause).toContain('https://host/x failed');
    expect(text.cause).not.toMatch(/secret|pw/);
  });
});

describe('reporting a failure', () => {
  let runner: FakeRunner;
  beforeEach(async () => {
    runner = await startRunner();
  });
  afterEach(async () => {
    process.exitCode = 0;
    await runner.end();
  });

  it('makes one annotation and the exit code', () => {
    reportFailure(new PullError('PATH_UNSAFE', 'entry "a\n::error::b"', { cause: new Error('x') }));
    const commands = runner
      .output()
      .split('\n')
      .filter((line) => line.startsWith('::error'));
    expect(commands).toHaveLength(1);
    expect(commands[0]).toContain('title=oci-pull%3A PATH_UNSAFE');
    expect(commands[0]).toContain('entry "a ::error::b"%0A');
    expect(process.exitCode).toBe(1);
  });

  it('takes anything that was thrown', () => {
    reportFailure('text');
    expect(runner.output()).toContain('INTERNAL');
    expect(process.exitCode).toBe(1);
  });
});
