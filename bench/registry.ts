// A registry on a free loopback port, filled with the image's formats; its access log tells what was transferred.
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdirSync, openSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { readTraffic, type Traffic } from './access-log.ts';
import { MANIFEST_TYPE, taggedManifest } from './layout.ts';
import { run, say, which } from './shell.ts';

export interface Registry extends AsyncDisposable {
  /** `host:port` */
  readonly host: string;
  readonly name: string;
  /** A reading of the traffic since the last one. Waits until the log is complete. */
  traffic(): Promise<Traffic>;
}

/** OCI layouts by repository. */
export type Repositories = Readonly<Record<string, string>>;

/** Starts docker-registry and pushes what it does not have; without it, a small server for the layouts as they are. */
export async function startRegistry(work: string, repositories: Repositories): Promise<Registry> {
  mkdirSync(work, { recursive: true });
  const real = which('docker-registry') !== undefined && which('skopeo') !== undefined;
  const port = await freePort();
  const command = real
    ? ['docker-registry', 'serve', writeConfig(work, port)]
    : [
        process.execPath,
        join(import.meta.dirname, 'layout-registry.ts'),
        String(port),
        JSON.stringify(repositories),
      ];
  const registry = await launch(command, { port, log: join(work, 'access.log') });
  try {
    if (real) await pushAll(registry.host, repositories);
    await registry.traffic();
    return registry;
  } catch (error) {
    await registry[Symbol.asyncDispose]();
    throw error;
  }
}

async function pushAll(host: string, repositories: Repositories): Promise<void> {
  for (const [repository, layout] of Object.entries(repositories))
    for (const tag of ['v1', 'v2']) await push({ host, repository, layout, tag });
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (address === null || typeof address === 'string') throw new Error('no free port');
  return address.port;
}

function writeConfig(work: string, port: number): string {
  const path = join(work, 'registry.json');
  const config = {
    version: 0.1,
    log: { level: 'error', accesslog: { disabled: false } },
    storage: {
      filesystem: { rootdirectory: join(work, 'store') },
      cache: { blobdescriptor: 'inmemory' },
    },
    http: { addr: `127.0.0.1:${port}` },
  };
  // JSON is YAML.
  writeFileSync(path, JSON.stringify(config));
  return path;
}

async function launch(command: readonly string[], at: { port: number; log: string }): Promise<Registry> {
  const [program = '', ...args] = command;
  const log = openSync(at.log, 'w');
  const child = spawn(program, args, { stdio: ['ignore', log, log] });
  const host = `127.0.0.1:${at.port}`;
  const stop = () => child.kill();
  process.once('exit', stop);
  await untilUp(`http://${host}/v2/`, child).catch((error: Error) => {
    child.kill();
    throw new Error(`${error.message}\n${readFileSync(at.log, 'utf8').slice(-1000)}`);
  });
  let position = 0;
  return {
    host,
    name: program.endsWith('node') ? 'layout-registry' : program,
    traffic: async () => {
      const text = await untilQuiet(at.log);
      const since = text.slice(position);
      position = text.length;
      return readTraffic(since);
    },
    async [Symbol.asyncDispose]() {
      process.removeListener('exit', stop);
      const ended = new Promise((resolve) => child.once('close', resolve));
      child.kill();
      await ended;
    },
  };
}

async function untilUp(url: string, child: ChildProcess): Promise<void> {
  for (let tries = 0; tries < 100 && child.exitCode === null; tries += 1) {
    const answer = await fetch(url).catch(() => undefined);
    if (answer?.ok) return;
    await sleep(100);
  }
  throw new Error(`the registry does not answer at ${url}`);
}

/** A line is written after its response has ended. */
async function untilQuiet(log: string): Promise<string> {
  for (let size = -1; size !== statSync(log).size; await sleep(100)) size = statSync(log).size;
  return readFileSync(log, 'latin1');
}

interface Image {
  readonly host: string;
  readonly repository: string;
  readonly layout: string;
  readonly tag: string;
}

async function push({ host, repository, layout, tag }: Image): Promise<void> {
  const { digest } = await taggedManifest(layout, tag);
  const answer = await fetch(`http://${host}/v2/${repository}/manifests/${tag}`, {
    method: 'HEAD',
    headers: { accept: MANIFEST_TYPE },
  });
  if (answer.headers.get('docker-content-digest') === digest) return;
  say(`push ${repository}:${tag}`);
  const how = ['--insecure-policy', 'copy', '-q', '--preserve-digests', '--dest-tls-verify=false'];
  await run(['skopeo', ...how, `oci:${layout}:${tag}`, `docker://${host}/${repository}:${tag}`]);
}
