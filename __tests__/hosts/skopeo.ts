// skopeo, made to ask small HTTP servers on this machine, which write down what they are asked for.
import { execFile, execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { dirname, join } from 'node:path';

/** Why tests against it must be skipped; undefined: run them. In CI they always run, so that a missing binary fails there. */
export function skipSkopeo(): string | undefined {
  if (process.env.CI) return undefined;
  try {
    execFileSync('skopeo', ['--version'], { stdio: 'ignore' });
    return undefined;
  } catch {
    return 'skopeo is not on PATH';
  }
}

export interface EmptyRegistries extends AsyncDisposable {
  /** Text with `{A}`, `{B}`, … → the same with the address of each server. */
  fill(text: string): string;
  /** The reverse. */
  name(text: string): string;
  /** What was asked for since the last call: `{A}/repository`, in order. */
  takeAsked(): readonly string[];
}

const NAMES = ['A', 'B', 'C', 'D'] as const;

/** Registries on plain HTTP that have no image at all, so that a client goes on to the next. */
export async function startEmptyRegistries(): Promise<EmptyRegistries> {
  let asked: string[] = [];
  const servers: Server[] = [];
  const addresses = new Map<string, string>();
  for (const name of NAMES) {
    const server = createServer((request, response) => {
      const [, repository] = /^\/v2\/(.+)\/manifests\//.exec(request.url ?? '') ?? [];
      if (repository) asked.push(`{${name}}/${repository}`);
      response.writeHead(request.url === '/v2/' ? 200 : 404).end();
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    servers.push(server);
    addresses.set(name, `127.0.0.1:${(server.address() as AddressInfo).port}`);
  }
  return {
    fill: (text) => text.replace(/\{([A-D])\}/g, (_, name: string) => addresses.get(name) ?? ''),
    name: (text) => [...addresses].reduce((all, [name, at]) => all.replaceAll(at, `{${name}}`), text),
    takeAsked: () => {
      const taken = asked;
      asked = [];
      return taken;
    },
    async [Symbol.asyncDispose]() {
      for (const server of servers) server.closeAllConnections();
      await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
    },
  };
}

/** Fails, as no image is there; what it was that failed comes as text. The configuration is that below the home directory. */
export function inspectWithSkopeo(image: string, home: string): Promise<string> {
  const arguments_ = ['--insecure-policy', 'inspect', '--raw', `docker://${image}`];
  const env = { PATH: process.env.PATH, HOME: home };
  return new Promise((resolve) =>
    execFile('skopeo', arguments_, { env, timeout: 60_000 }, (_error, stdout, stderr) =>
      resolve(stdout + stderr),
    ),
  );
}

/** Files by their path below a directory. */
export function writeFiles(directory: string, files: Readonly<Record<string, string | Uint8Array>>): void {
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(directory, path)), { recursive: true });
    writeFileSync(join(directory, path), text);
  }
}
