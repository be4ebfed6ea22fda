import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { chmod, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { chooseStorePlace } from '../../src/action/store-place.ts';
import { type FakeRunner, startRunner } from '../support/runner.ts';

let runner: FakeRunner;
const warned: string[] = [];
beforeEach(async () => {
  runner = await startRunner();
  warned.length = 0;
});
afterEach(() => runner.end());

function choose(env: Record<string, string> = {}, cacheDirectory?: string) {
  const all = { RUNNER_TEMP: runner.temp, RUNNER_TOOL_CACHE: join(runner.root, 'tools'), ...env };
  return chooseStorePlace({ cacheDirectory, env: all, warn: (line) => warned.push(line) });
}

describe('the place of the chunk store', () => {
  it('is the directory the user named, before all others', async () => {
    const place = await choose({ RUNNER_ENVIRONMENT: 'self-hosted' }, '/mnt/chunks');
    expect(place).toEqual({ kind: 'cache-dir', directory: '/mnt/chunks' });
  });

  it('ends with the job on a hosted runner', async () => {
    const directory = join(runner.temp, 'oci-pull', 'store');
    expect(await choose({ RUNNER_ENVIRONMENT: 'github-hosted' })).toEqual({ kind: 'temporary', directory });
    expect(await choose()).toEqual({ kind: 'temporary', directory });
  });

  it('is registered in the tool cache of a self-hosted runner and found again with its content', async () => {
    const first = await choose({ RUNNER_ENVIRONMENT: 'self-hosted' });
    expect(first.kind).toBe('tool-cache');
    expect(first.directory).toBe(join(runner.root, 'tools', 'oci-pull-chunks', '1.0.0', process.arch));
    await writeFile(join(first.directory, 'chunk'), 'kept');
    expect(await choose({ RUNNER_ENVIRONMENT: 'self-hosted' })).toEqual(first);
    expect(existsSync(join(first.directory, 'chunk'))).toBe(true);
  });

  it('ends with the job where the tool cache cannot be written', async () => {
    await writeFile(join(runner.root, 'tools'), 'a file');
    expect((await choose({ RUNNER_ENVIRONMENT: 'self-hosted' })).kind).toBe('temporary');
    expect(warned).toEqual([expect.stringContaining('the tool cache cannot keep chunks for this user')]);
  });

  it.skipIf(process.geteuid?.() !== 0)(
    'ends with the job where another user has made the store',
    async () => {
      const { directory } = await choose({ RUNNER_ENVIRONMENT: 'self-hosted' });
      await mkdir(join(directory, 'v1/packs'), { recursive: true, mode: 0o700 });
      await chmod(runner.root, 0o755);
      const module = join(import.meta.dirname, '../../src/action/store-place.ts');
      const code = `
      const { chooseStorePlace } = await import(${JSON.stringify(module)});
      process.setuid(65534);
      const place = await chooseStorePlace({ env: process.env, warn: (line) => console.error(line) });
      console.error(place.kind);`;
      const tools = join(runner.root, 'tools');
      const env = { RUNNER_ENVIRONMENT: 'self-hosted', RUNNER_TOOL_CACHE: tools, RUNNER_TEMP: runner.temp };
      const child = spawn(process.execPath, ['--no-warnings', '--input-type=module', '-e', code], {
        env: { PATH: process.env.PATH, ...env },
        stdio: ['ignore', 'ignore', 'pipe'],
      });
      const [warning, kind, ...rest] = (await text(child.stderr)).trim().split('\n');
      expect({ kind, rest }).toEqual({ kind: 'temporary', rest: [] });
      expect(warning).toContain(`permission denied, access '${directory}'`);
      expect(warning).toContain(
        'Give the directory to the user that jobs run as, or set cache-dir to another one',
      );
    },
  );

  it('ends with the job on a self-hosted runner without a tool cache', async () => {
    expect((await choose({ RUNNER_ENVIRONMENT: 'self-hosted', RUNNER_TOOL_CACHE: '' })).kind).toBe(
      'temporary',
    );
  });

  it('is registered without a change to a live store that has lost its mark', async () => {
    const first = await choose({ RUNNER_ENVIRONMENT: 'self-hosted' });
    await writeFile(join(first.directory, 'chunk'), 'kept');
    await rm(`${first.directory}.complete`);
    expect(await choose({ RUNNER_ENVIRONMENT: 'self-hosted' })).toEqual(first);
    expect(await readFile(join(first.directory, 'chunk'), 'utf8')).toBe('kept');
    expect(existsSync(`${first.directory}.complete`)).toBe(true);
  });

  it('is the same for jobs that register it at once, and none deletes what another has put there', async () => {
    const tools = join(runner.root, 'tools');
    await mkdir(tools);
    const module = join(import.meta.dirname, '../../src/action/tool-directory.ts');
    const code = `
      import { readdirSync, writeFileSync } from 'node:fs';
      const { persistentDirectory } = await import(${JSON.stringify(module)});
      const directory = await persistentDirectory(process.env.RUNNER_TOOL_CACHE);
      writeFileSync(directory + '/' + process.pid, '');
      await new Promise((resolve) => setTimeout(resolve, 500));
      process.stderr.write(directory + ' ' + readdirSync(directory).includes(String(process.pid)) + '\\n');`;
    const env = { PATH: process.env.PATH, RUNNER_TOOL_CACHE: tools, RUNNER_TEMP: runner.temp };
    const jobs = Array.from({ length: 4 }, () => {
      const child = spawn(process.execPath, ['--no-warnings', '--input-type=module', '-e', code], {
        env,
        stdio: ['ignore', 'ignore', 'pipe'],
      });
      return text(child.stderr);
    });
    const said = await Promise.all(jobs);
    const expected = join(tools, 'oci-pull-chunks', '1.0.0', process.arch);
    expect(said).toEqual(jobs.map(() => `${expected} true\n`));
  });
});
