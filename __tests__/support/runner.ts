// What a runner gives to an action, for one test: temp directory, workspace, file commands and environment.
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { vi } from 'vitest';

export interface FakeRunner {
  readonly root: string;
  readonly temp: string;
  readonly workspace: string;
  /** Everything the toolkit printed, commands included. */
  readonly output: () => string;
  /** Values of GITHUB_OUTPUT, GITHUB_STATE or GITHUB_STEP_SUMMARY as written so far. */
  readonly file: (name: 'OUTPUT' | 'STATE' | 'STEP_SUMMARY') => Promise<string>;
  readonly end: () => Promise<void>;
}

const UNSET = [
  'ACTIONS_CACHE_MODE',
  'ACTIONS_CACHE_URL',
  'ACTIONS_CACHE_SERVICE_V2',
  'ACTIONS_RESULTS_URL',
  'ACTIONS_RUNTIME_TOKEN',
  'GITHUB_SERVER_URL',
  'GITHUB_EVENT_PATH',
  'RUNNER_ENVIRONMENT',
  'RUNNER_DEBUG',
];

/** Makes the directories, sets the environment until `end`, and keeps what is printed to itself. */
export async function startRunner(env: Record<string, string> = {}): Promise<FakeRunner> {
  const root = await mkdtemp(join(tmpdir(), 'runner-'));
  const [temp, workspace] = [join(root, 'temp'), join(root, 'work')];
  await mkdir(temp);
  await mkdir(workspace);
  const files = { OUTPUT: 'output', STATE: 'state', STEP_SUMMARY: 'summary' };
  for (const name of UNSET) vi.stubEnv(name, undefined);
  for (const [name, file] of Object.entries(files)) {
    await writeFile(join(root, file), '');
    vi.stubEnv(`GITHUB_${name}`, join(root, file));
  }
  vi.stubEnv('RUNNER_TEMP', temp);
  vi.stubEnv('RUNNER_TOOL_CACHE', join(root, 'tools'));
  vi.stubEnv('GITHUB_WORKSPACE', workspace);
  for (const [name, value] of Object.entries(env)) vi.stubEnv(name, value);
  const printed: string[] = [];
  const stdout = vi.spyOn(process.stdout, 'write').mockImplementation((text) => {
    printed.push(String(text));
    return true;
  });
  return {
    root,
    temp,
    workspace,
    output: () => printed.join(''),
    file: (name) => readFile(join(root, files[name]), 'utf8'),
    end: async () => {
      stdout.mockRestore();
      vi.unstubAllEnvs();
      await rm(root, { recursive: true, force: true });
    },
  };
}
