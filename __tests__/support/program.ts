// Runs the command line program from its sources, alone on a machine of its own: no credentials, mirrors or proxies but given ones.
import { spawn } from 'node:child_process';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { CliJson, CliRun } from './cli.ts';

const PROGRAM = fileURLToPath(new URL('../../src/cli.ts', import.meta.url));
const SHORT_WAITS = new URL('short-waits.ts', import.meta.url).href;

/** The cache spares each run the work of stripping types. */
const BARE = {
  PATH: process.env.PATH,
  NODE_NO_WARNINGS: '1',
  NODE_COMPILE_CACHE: join(tmpdir(), 'oci-pull-test-compiled'),
};

export interface ProgramOptions {
  /** Becomes the home directory: credentials and configuration are looked for there. */
  readonly home: string;
  /** All there is in the environment but PATH and HOME. */
  readonly env?: Readonly<Record<string, string>>;
  readonly password?: string | undefined;
  /** Waits between attempts take as long as for users. Otherwise: see short-waits.ts. */
  readonly realWaits?: boolean | undefined;
  /** Kills the program; its exit status is null then. */
  readonly timeout?: number;
}

export interface ProgramRun extends CliRun {
  /** What `--json` printed; undefined after a failure. */
  readonly result: CliJson | undefined;
  readonly seconds: number;
}

/** Pulls with `--json` added. */
export function runProgram(args: readonly string[], options: ProgramOptions): Promise<ProgramRun> {
  const { home, env = {}, password, realWaits = false, timeout } = options;
  const preload = realWaits ? [] : ['--import', SHORT_WAITS];
  const login = password === undefined ? [] : ['--password-stdin'];
  const started = performance.now();
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [...preload, PROGRAM, ...args, '--json', ...login], {
      env: { ...BARE, HOME: home, XDG_RUNTIME_DIR: home, ...env },
      stdio: 'pipe',
      ...(timeout === undefined ? {} : { timeout, killSignal: 'SIGKILL' }),
    });
    let [stdout, stderr] = ['', ''];
    child.stdout.on('data', (text) => {
      stdout += text;
    });
    child.stderr.on('data', (text) => {
      stderr += text;
    });
    child.on('error', reject);
    child.on('close', (status) => {
      const result = status === 0 ? (JSON.parse(stdout) as CliJson) : undefined;
      const seconds = (performance.now() - started) / 1000;
      resolve({ status, stdout, stderr, result, seconds });
    });
    child.stdin.on('error', () => undefined).end(password ?? '');
  });
}
