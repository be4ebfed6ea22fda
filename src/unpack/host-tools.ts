// Programs of the host for what Node has no call for. Found at fixed absolute paths: never in PATH, never in an image.
import { spawn } from 'node:child_process';
import { accessSync, constants } from 'node:fs';

const DIRECTORIES = ['/usr/bin', '/bin', '/usr/sbin', '/sbin', '/usr/local/bin'];
const TOOL_TIMEOUT_MS = 10 * 60_000;
const MAX_TOOL_OUTPUT = 8 << 20;

export interface ToolResult {
  /** Exit status; undefined if it could not be started or was killed. */
  readonly status: number | undefined;
  /** latin1 strings of raw bytes, cut at a limit. */
  readonly stdout: string;
  readonly stderr: string;
}

export function findTool(name: string): string | undefined {
  return DIRECTORIES.map((directory) => `${directory}/${name}`).find((path) => {
    try {
      accessSync(path, constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

/** Runs a program with `input` on its standard input. Never rejects: what went wrong is in the result. */
export function runTool(path: string, args: readonly string[], input: Buffer): Promise<ToolResult> {
  return new Promise((resolve) => {
    const child = spawn(path, args, {
      cwd: '/',
      env: { PATH: DIRECTORIES.join(':'), LC_ALL: 'C' },
      timeout: TOOL_TIMEOUT_MS,
      killSignal: 'SIGKILL',
    });
    const stdout = collect(child.stdout);
    const stderr = collect(child.stderr);
    child.on('error', (error) => resolve({ status: undefined, stdout: '', stderr: error.message }));
    child.on('close', (status) =>
      resolve({ status: status ?? undefined, stdout: stdout(), stderr: stderr() }),
    );
    // A program that ends before it has read everything shows that in its status.
    child.stdin.on('error', () => {});
    child.stdin.end(input);
  });
}

function collect(stream: NodeJS.ReadableStream): () => string {
  let text = '';
  stream.on('data', (bytes: Buffer) => {
    if (text.length < MAX_TOOL_OUTPUT) text += bytes.toString('latin1');
  });
  return () => text;
}
