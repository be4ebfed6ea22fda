import { execFile } from 'node:child_process';
import { chmodSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import {
  askHelper,
  type HelperSettings,
  isHelperName,
  MAX_HELPER_OUTPUT_BYTES,
} from '../../src/auth/credential-helper.ts';
import { findProgram } from '../../src/auth/find-program.ts';
import { rejected } from '../support/pull-error.ts';
import { temporaryDirectories } from '../support/temporary.ts';
import { answerWith, helperScripts } from './helper-scripts.ts';

const temporary = temporaryDirectories();

function ask(script: string, settings: Partial<HelperSettings> = {}) {
  const helpers = helperScripts(temporary());
  helpers.add('test', script);
  const env = { PATH: `${helpers.directory}:/usr/bin:/bin`, GREETING: 'hello' };
  const answer = askHelper('test', 'quay.io', { env, platform: process.platform, ...settings });
  return { answer, helpers };
}

describe('a credential helper', () => {
  it('is asked for the server on its standard input', async () => {
    const { answer, helpers } = ask(answerWith('me', 'secret'));
    expect(await answer).toEqual({ kind: 'found', username: 'me', secret: 'secret' });
    expect(helpers.asked()).toEqual(['test get quay.io']);
  });

  it('has the environment it is given', async () => {
    expect(await ask(`echo "{\\"Username\\":\\"$GREETING\\",\\"Secret\\":\\"s\\"}"`).answer).toMatchObject({
      username: 'hello',
    });
  });

  it.each([
    ['on its output', 'echo "credentials not found in native keychain"; exit 1'],
    ['among its errors', 'echo "Error: credentials not found" >&2; exit 1'],
    ['with an empty secret', answerWith('', '')],
    ['with no secret', 'echo "{}"'],
  ])('may have nothing and say so %s', async (_, script) => {
    expect(await ask(script).answer).toEqual({ kind: 'none' });
  });

  it.each([
    ['no JSON', 'echo hunter2', 'answered with something that is not JSON'],
    ['nothing', 'true', 'answered with something that is not JSON'],
    ['a list', 'echo "[]"', 'answered with something that holds no credential'],
    [
      'a number',
      `echo '{"Username":"me","Secret":12345678}'`,
      'answered with something that holds no credential',
    ],
    ['a failure', 'echo "no region" >&2; exit 3', 'ended with 3: "no region"'],
    ['a failure in words', 'echo "no region"; echo hunter2; exit 1', 'ended with 1: "no region"'],
    ['a failure after an answer', `${answerWith('me', 'hunter2')}; exit 1`, 'ended with 1'],
    ['a signal', 'kill -9 $$', 'ended with SIGKILL'],
    [
      'too much',
      `head -c ${MAX_HELPER_OUTPUT_BYTES + 1} /dev/zero; sleep 20`,
      `answered with more than ${MAX_HELPER_OUTPUT_BYTES} bytes`,
    ],
  ])('may fail with %s', async (_, script, why) => {
    expect(await ask(script).answer).toEqual({ kind: 'failed', why });
  });

  it('may be a file that cannot be run', async () => {
    const directory = temporary();
    writeFileSync(join(directory, 'docker-credential-bad'), '#!/nowhere/at/all\n', { mode: 0o755 });
    const settings = { env: { PATH: directory }, platform: process.platform };
    expect(await askHelper('bad', 'quay.io', settings)).toEqual({
      kind: 'failed',
      why: 'cannot be started (ENOENT)',
    });
  });

  it('is named while it keeps everybody waiting', async () => {
    const notes: string[] = [];
    const note = (message: string) => void notes.push(message);
    const { answer } = ask('sleep 20', { timeout: 600, note });
    await sleep(300);
    expect(notes).toEqual([
      'waiting for docker-credential-test to tell the login for quay.io, for up to 0.6 s',
    ]);
    expect(await answer).toEqual({ kind: 'failed', why: 'has not answered within 0.6 s' });
    await ask(answerWith('me', 'secret'), { timeout: 600_000, note }).answer;
    expect(notes).toHaveLength(1);
  });

  it('is not waited for when it hangs, nor what it has started, not even by the end of the process', async () => {
    const helpers = helperScripts(temporary());
    helpers.add('test', 'sleep 20; true');
    const module = new URL('../../src/auth/credential-helper.ts', import.meta.url).href;
    const script = `import { askHelper } from ${JSON.stringify(module)};
      const settings = { env: process.env, platform: process.platform, timeout: 300 };
      console.log(JSON.stringify(await askHelper('test', 'quay.io', settings)));`;
    const started = performance.now();
    const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', script], {
      env: { PATH: `${helpers.directory}:/usr/bin:/bin` },
    });
    expect(JSON.parse(stdout)).toEqual({ kind: 'failed', why: 'has not answered within 0.3 s' });
    expect(performance.now() - started).toBeLessThan(10_000);
  });

  it('is not waited for when the pull is cancelled', async () => {
    const cancel = new AbortController();
    const { answer } = ask('sleep 20', { signal: cancel.signal });
    setTimeout(() => cancel.abort(), 100);
    await rejected('ABORTED', answer);
    await rejected('ABORTED', ask('sleep 20', { signal: AbortSignal.abort() }).answer);
  });

  it('may end without reading what it is asked', async () => {
    const directory = temporary();
    const script = `#!/bin/sh\nexec 0<&-\n${answerWith('me', 'secret')}\n`;
    writeFileSync(join(directory, 'docker-credential-deaf'), script, { mode: 0o755 });
    const settings = { env: { PATH: directory }, platform: process.platform };
    expect(await askHelper('deaf', 'quay.io', settings)).toMatchObject({ kind: 'found' });
  });

  it('has a name that cannot lead out of PATH', () => {
    expect(['ecr-login', 'desktop.exe', 'gcloud', 'a_b'].every(isHelperName)).toBe(true);
    expect(['', 'a/b', '../x', 'a\\b', 'a b', 'a;b', 'a\n', 'x'.repeat(101)].some(isHelperName)).toBe(false);
  });
});

describe('a program', () => {
  it('is found in the first absolute directory of PATH that has it', async () => {
    const [none, first, second] = [temporary(), temporary(), temporary()];
    writeFileSync(join(none, 'tool'), '', { mode: 0o644 });
    for (const directory of [first, second]) writeFileSync(join(directory, 'tool'), '', { mode: 0o755 });
    const find = (...path: string[]) =>
      findProgram('tool', { env: { PATH: path.join(':') }, platform: 'linux' });
    expect(await find(none, first, second)).toBe(join(first, 'tool'));
    expect(await find('.', '', none)).toBeUndefined();
    expect(await findProgram('tool', { env: {}, platform: 'linux' })).toBeUndefined();
  });

  it('is never taken from the current directory', async () => {
    const here = process.cwd();
    const directory = temporary();
    writeFileSync(join(directory, 'tool'), '', { mode: 0o755 });
    process.chdir(directory);
    try {
      expect(await findProgram('tool', { env: { PATH: ':.:' }, platform: 'linux' })).toBeUndefined();
    } finally {
      process.chdir(here);
    }
  });

  it('has its ending on Windows, where PATH may be written in any case', async () => {
    const directory = temporary();
    for (const name of ['tool.exe', 'tool']) {
      writeFileSync(join(directory, name), '');
      chmodSync(join(directory, name), 0o755);
    }
    const settings = { env: { Path: `C:\\nowhere;${directory}` }, platform: 'win32' } as const;
    expect(await findProgram('tool', settings)).toBe(join(directory, 'tool.exe'));
    expect(await findProgram('tool.exe', settings)).toBe(join(directory, 'tool.exe'));
  });
});
