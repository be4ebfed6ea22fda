// Handing an archive to an engine, against doubles: an HTTP server in Docker's place, a script in podman's.
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { afterEach, describe, expect, it } from 'vitest';
import { loadIntoDocker } from '../../src/export/docker-engine.ts';
import { loadIntoPodman } from '../../src/export/podman-engine.ts';
import { rejected } from '../support/pull-error.ts';
import { temporaryDirectories } from '../support/temporary.ts';

const newDirectory = temporaryDirectories();
const CONTENT = Buffer.alloc(3 << 20, 'archive ');
const servers: Server[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) server.close().closeAllConnections();
});

interface Asked {
  readonly line: string;
  readonly type: string | undefined;
  readonly body: Buffer;
}

/** Answers after the whole request, unless `early`: then it hangs up in the middle. */
async function startEngine(answer: { status?: number; text: string; early?: boolean }, port?: number) {
  const socket = join(newDirectory(), 'docker.sock');
  const asked: Asked[] = [];
  const server = createServer(async (request, response) => {
    const body = answer.early ? Buffer.alloc(0) : await buffer(request);
    asked.push({ line: `${request.method} ${request.url}`, type: request.headers['content-type'], body });
    response.writeHead(answer.status ?? 200, { 'content-type': 'application/json' });
    response.end(answer.text);
  });
  servers.push(server);
  await new Promise<void>((resolve) => {
    if (port === undefined) server.listen(socket, resolve);
    else server.listen(port, '127.0.0.1', resolve);
  });
  const address = server.address();
  const host =
    typeof address === 'object' && address ? `tcp://127.0.0.1:${address.port}` : `unix://${socket}`;
  return { host, asked };
}

function archive(): string {
  const path = join(newDirectory(), 'image.tar');
  writeFileSync(path, CONTENT);
  return path;
}

const signal = new AbortController().signal;
const LOADED = '{"stream":"Loaded image: app:1\\n"}\n';

describe('Docker', () => {
  it.each([
    ['unix', undefined],
    ['tcp', 0],
  ] as const)('gets the archive over %s and tells what it has loaded', async (_, port) => {
    const { host, asked } = await startEngine({ text: LOADED }, port);
    const said = await loadIntoDocker({ path: archive(), env: { DOCKER_HOST: host }, signal });
    expect(said).toEqual(['Loaded image: app:1']);
    expect(asked).toMatchObject([{ line: 'POST /images/load?quiet=1', type: 'application/x-tar' }]);
    expect(asked[0]?.body.equals(CONTENT)).toBe(true);
  });

  it.each([
    ['answers 500', { status: 500, text: '{"message":"no room"}' }, /500: no room/],
    [
      'answers 500 with the request half read',
      { status: 500, text: '{"message":"no room"}', early: true },
      /./,
    ],
    [
      'fails after it has answered 200',
      { text: '{"errorDetail":{"message":"bad layer"},"error":"bad layer"}' },
      /bad layer/,
    ],
    ['answers what is no JSON', { status: 404, text: '<html>' }, /404: <html>/],
  ])('that %s fails the pull with its reason', async (_, answer, reason) => {
    const { host } = await startEngine(answer);
    const error = await rejected(
      'LOAD_FAILED',
      loadIntoDocker({ path: archive(), env: { DOCKER_HOST: host }, signal }),
    );
    expect(error).toMatchObject({ message: expect.stringMatching(reason) });
  });

  it.each([
    ['nobody listens at', `unix:///nonexistent/docker.sock`],
    ['is reached by ssh', 'ssh://user@host'],
  ])('that %s cannot be loaded into', async (_, host) => {
    const error = await rejected(
      'LOAD_FAILED',
      loadIntoDocker({ path: archive(), env: { DOCKER_HOST: host }, signal }),
    );
    expect(error).toMatchObject({ message: expect.stringContaining(host) });
  });

  it('is left when the pull is cancelled', async () => {
    const { host } = await startEngine({ text: LOADED });
    const cancelled = AbortSignal.abort();
    await rejected(
      'ABORTED',
      loadIntoDocker({ path: archive(), env: { DOCKER_HOST: host }, signal: cancelled }),
    );
  });
});

describe('podman', () => {
  function withPodman(script: string) {
    const directory = newDirectory();
    mkdirSync(join(directory, 'bin'));
    writeFileSync(join(directory, 'bin/podman'), `#!/bin/sh\n${script}\n`);
    chmodSync(join(directory, 'bin/podman'), 0o755);
    return { PATH: `${join(directory, 'bin')}:/usr/bin:/bin` };
  }

  it('is run with the path of the archive', async () => {
    const env = withPodman('echo "$@"; wc -c < "$4"');
    const path = archive();
    const said = await loadIntoPodman({ path, env, signal });
    expect(said).toEqual([`load --quiet --input ${path}`, String(CONTENT.length)]);
  });

  it('fails the pull with what it complains of', async () => {
    const env = withPodman('echo "Error: no space" >&2; exit 125');
    const error = await rejected('LOAD_FAILED', loadIntoPodman({ path: archive(), env, signal }));
    expect(error).toMatchObject({ message: expect.stringContaining('Error: no space') });
  });

  it('is quoted only with what it says of the format that it was given', async () => {
    const env = withPodman(
      'printf "Error: no supported format:\\n * oci: x\\n * docker-archive: no space\\n * dir: y\\n" >&2; exit 125',
    );
    const error = await rejected('LOAD_FAILED', loadIntoPodman({ path: archive(), env, signal }));
    expect(error.message).toBe('podman did not take the image: no space');
  });

  it('that is not there fails the pull', async () => {
    const error = await rejected(
      'LOAD_FAILED',
      loadIntoPodman({ path: archive(), env: { PATH: newDirectory() }, signal }),
    );
    expect(error).toMatchObject({ message: 'podman cannot be run' });
  });
});
