// Runs the built command line program, as a user does.
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const CLI = fileURLToPath(new URL('../../dist/cli.js', import.meta.url));

export interface CliRun {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** What `--json` prints. */
export interface CliJson {
  readonly digest: string;
  readonly image: string;
  readonly platform: string;
  readonly 'root-path': string;
  readonly 'config-path': string;
  readonly ownership: string;
  readonly skipped: number;
  readonly 'skipped-path': string | null;
  readonly format: string;
  readonly 'manifest-kept': boolean | null;
  readonly 'cache-hit': boolean;
  readonly 'bytes-downloaded': number;
  readonly 'bytes-from-cache': number;
  readonly 'bytes-total': number;
  readonly 'cache-repairs': number;
  readonly requests: number;
  readonly layers: readonly {
    readonly way: string;
    readonly format: string;
    readonly reason?: string;
    readonly chain: string;
  }[];
  readonly part: {
    readonly matched: number;
    readonly 'file-bytes': number;
    readonly 'file-bytes-total': number;
  } | null;
  readonly warnings: readonly string[];
}

export function runCli(
  args: readonly string[],
  options: {
    readonly input?: string;
    readonly env?: Readonly<Record<string, string>>;
    readonly signal?: AbortSignal;
    /** Ctrl-C as soon as this is so. */
    readonly interrupt?: () => boolean;
  } = {},
): Promise<CliRun> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [CLI, ...args], {
      env: { ...process.env, ...options.env },
      stdio: 'pipe',
      ...(options.signal ? { signal: options.signal } : {}),
    });
    let stdout = '';
    let stderr = '';
    child.stdout.on('data', (text) => {
      stdout += text;
    });
    child.stderr.on('data', (text) => {
      stderr += text;
    });
    const timer = setInterval(() => {
      if (!options.interrupt?.()) return;
      clearInterval(timer);
      child.kill('SIGINT');
    }, 50);
    child.on('error', reject);
    child.on('close', (status) => {
      clearInterval(timer);
      resolve({ status, stdout, stderr });
    });
    child.stdin.end(options.input ?? '');
  });
}

/** Runs with `--json` and expects success. */
export async function pullJson(args: readonly string[]): Promise<CliJson> {
  const { status, stdout, stderr } = await runCli([...args, '--json', '--quiet']);
  if (status !== 0) throw new Error(`oci-pull ${args.join(' ')} exited with ${status}: ${stderr}`);
  return JSON.parse(stdout) as CliJson;
}

/** A directory that is gone at the end of the block. */
export function scratch(): Disposable & { readonly path: string; in(name: string): string } {
  const path = mkdtempSync(join(tmpdir(), 'oci-pull-test-'));
  return {
    path,
    in: (name) => join(path, name),
    [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true }),
  };
}
