// Docker and podman with stores of their own, where this machine lets them run.
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { which } from './daemon.ts';
import { run } from './peers.ts';

export interface TestEngine extends AsyncDisposable {
  /** Makes this program, and the engine's own, speak to it. */
  readonly env: Record<string, string>;
}

const START_MS = 20_000;

/** undefined: it ended by itself, as it does where there are no control groups or mounts to be had. */
export async function startDocker(directory: string): Promise<TestEngine | undefined> {
  const at = (name: string) => join(directory, name);
  const socket = at('docker.sock');
  const places = ['--data-root', at('data'), '--exec-root', at('exec'), '--pidfile', at('pid')];
  const plain = ['--iptables=false', '--bridge=none', '--storage-driver=vfs', '--host', `unix://${socket}`];
  const child = spawn(which('dockerd') ?? 'dockerd', [...places, ...plain], { stdio: 'ignore' });
  const ended = new Promise<void>((resolve) =>
    child.once('exit', () => resolve()).once('error', () => resolve()),
  );
  const stop = async () => {
    child.kill('SIGTERM');
    await ended;
  };
  if (await comesUp(child, socket))
    return { env: { DOCKER_HOST: `unix://${socket}` }, [Symbol.asyncDispose]: stop };
  await stop();
  return undefined;
}

async function comesUp(child: ChildProcess, socket: string): Promise<boolean> {
  const until = Date.now() + START_MS;
  while (Date.now() < until && child.exitCode === null && child.pid !== undefined) {
    if (existsSync(socket) && (await takesConnections(socket))) return true;
    await sleep(100);
  }
  return false;
}

function takesConnections(socket: string): Promise<boolean> {
  return new Promise((resolve) => {
    const connection = connect(socket);
    connection.once('connect', () => resolve(true)).once('error', () => resolve(false));
    connection.once('connect', () => connection.destroy());
  });
}

/** undefined: it cannot work here. */
export function setUpPodman(directory: string): Pick<TestEngine, 'env'> | undefined {
  mkdirSync(directory, { recursive: true });
  const file = join(directory, 'storage.conf');
  const [graph, runs] = [join(directory, 'graph'), join(directory, 'run')];
  writeFileSync(file, `[storage]\ndriver = "vfs"\ngraphroot = "${graph}"\nrunroot = "${runs}"\n`);
  const env = { CONTAINERS_STORAGE_CONF: file };
  try {
    run('env', `CONTAINERS_STORAGE_CONF=${file}`, 'podman', 'images');
    return { env };
  } catch {
    return undefined;
  }
}
