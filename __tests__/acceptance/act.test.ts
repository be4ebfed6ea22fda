// A part of the end-to-end workflow under act (https://github.com/nektos/act), a runner that others have written: its phases, its
// inputs, its state and its cache service. Its jobs run on this machine as they are, one after the other.
import { execFileSync, spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { temporaryDirectories } from '../support/temporary.ts';

const REPOSITORY = join(import.meta.dirname, '../..');
const WORKFLOW = join(REPOSITORY, '.github/workflows/e2e.yml');
/** It is no Debian package, so that it is missing in CI too where no Go is at hand to build it. */
const version = spawnSync('act', ['--version'], { encoding: 'utf8' }).stdout ?? '';
const skip = version === '' ? 'act is not on PATH' : undefined;

const newDirectory = temporaryDirectories();

/** An action that does nothing, whatever it is given. */
const NOTHING = `name: nothing
description: nothing
inputs:
  node-version-file: { description: ignored, required: false }
  persist-credentials: { description: ignored, required: false }
runs:
  using: composite
  steps: [{ run: 'true', shell: bash }]
`;

function nothingAction(): string {
  const directory = newDirectory();
  writeFileSync(join(directory, 'action.yml'), NOTHING);
  const git = (...args: string[]) => execFileSync('git', ['-C', directory, ...args], { stdio: 'pipe' });
  git('init', '--quiet');
  git('add', '.');
  git('-c', 'user.name=test', '-c', 'user.email=test@localhost', 'commit', '--quiet', '-m', 'nothing');
  return directory;
}

/** Checks out by itself, and takes Node as it is: what the workflow uses of others is not fetched. */
function replacements(): string[] {
  const nothing = nothingAction();
  const used = new Set(readFileSync(WORKFLOW, 'utf8').match(/actions\/[\w-]+@[0-9a-f]{40}/g));
  return [...used].flatMap((action) => ['--local-repository', `${action}=${nothing}`]);
}

function runWorkflow(home: string): { status: number | null; log: string } {
  const { status, stdout, stderr } = spawnSync(
    'act',
    [
      'push',
      ...['--workflows', WORKFLOW, '--job', 'restore-desktop', '--matrix', 'name:macos'],
      ...['--platform', 'macos-15=-self-hosted', '--action-offline-mode', ...replacements()],
      ...['--action-cache-path', join(home, 'actions'), '--cache-server-path', join(home, 'cache')],
      ...['--cache-server-addr', '127.0.0.1', '--env', `RUNNER_TOOL_CACHE=${join(home, 'tools')}`],
    ],
    {
      cwd: REPOSITORY,
      encoding: 'utf8',
      env: {
        HOME: home,
        TMPDIR: home,
        PATH: `${dirname(process.execPath)}:${process.env.PATH}`,
        NO_COLOR: '1',
      },
    },
  );
  return { status, log: stdout + stderr };
}

describe.skipIf(skip)(`under act${skip ? ` (${skip})` : ''}`, () => {
  const home = newDirectory();
  let run: ReturnType<typeof runWorkflow>;
  beforeAll(() => {
    run = runWorkflow(home);
  }, 180_000);
  // The registry that the jobs have started; its script lies in the directory.
  afterAll(() => spawnSync('pkill', ['-f', join(home, 'actions')]));

  it('every job of the workflow succeeds', () => {
    expect(run.log.match(/Job (succeeded|failed)/g), run.log).toEqual(Array(3).fill('Job succeeded'));
    expect(run.status, run.log).toBe(0);
  });

  it.each([
    ['save', /\[e2e\/save \(macos\)\] .*hit: 'false', downloaded: 2546255/],
    ['warm', /\[e2e\/warm \(macos\)-\d *\] .*hit: 'true', downloaded: 0,/],
    ['update', /\[e2e\/update \(macos\)-\d *\] .*fromCache: 2\d{6},/],
  ])('the job %s has from registry and cache what it should', (_, line) => {
    expect(run.log).toMatch(line);
  });

  it('the chunks go to its cache service after the job', () => {
    expect(run.log).toMatch(/saved 1 new of 1 packs/);
  });
});
