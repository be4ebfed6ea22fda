// Servers of the distribution as child processes: which of them this machine has, and how to start and end one.
import { spawn } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { connect } from 'node:net';
import { delimiter, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

export interface Daemon {
  close(): Promise<void>;
}

/**
 * Names of the programs this machine lacks, as a reason to skip; undefined: run the tests. In CI they always run, so that
 * a missing program fails there. Use: `describe.skipIf(skipUnless('nginx'))(…)`.
 */
export function skipUnless(...programs: readonly string[]): string | undefined {
  if (process.env.CI) return undefined;
  const missing = programs.filter((name) => which(name) === undefined);
  return missing.length === 0 ? undefined : `${missing.join(', ')} not found`;
}

/** Path of a program, looked for where root's programs are, too. */
export function which(name: string): string | undefined {
  const directories = [...(process.env.PATH ?? '').split(delimiter), '/usr/sbin', '/sbin'];
  return directories.map((directory) => join(directory, name)).find(isExecutable);
}

/** Starts a program that stays in the foreground, and waits until it takes connections on the port of loopback. */
export async function startDaemon(name: string, args: readonly string[], port: number): Promise<Daemon> {
  const child = spawn(which(name) ?? name, args, { stdio: ['ignore', 'ignore', 'pipe'] });
  let complaint = '';
  child.stderr.on('data', (text) => {
    complaint = `${complaint}${text}`.slice(-2000);
  });
  let hasEnded = false;
  const ended = new Promise<void>((resolve) => {
    const end = (error?: unknown) => {
      if (error instanceof Error) complaint = String(error);
      hasEnded = true;
      resolve();
    };
    child.once('exit', () => end()).once('error', end);
  });
  const close = async () => {
    child.kill('SIGTERM');
    await ended;
  };
  for (let attempt = 0; attempt < 200 && !hasEnded; attempt++) {
    if (await listens(port)) return { close };
    await sleep(50);
  }
  await close();
  throw new Error(`${name} did not start: ${complaint}`);
}

function listens(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.once('connect', () => resolve(true)).once('error', () => resolve(false));
    socket.once('connect', () => socket.destroy());
  });
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
