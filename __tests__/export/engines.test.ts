// Handing an archive to an engine, against doubles: an HTTP server in Docker's place, a script in podman's.
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { type AddressInfo, createServer as createSocketServer } from 'node:net';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { afterEach, describe, expect, it } from 'vitest';
import { loadIntoDocker, reachDocker } from '../../src/export/docker-engine.ts';
import { loadIntoPodman, reachPodman } from '../../src/export/podman-engine.ts';
import { createAuthority, type Issued } from '../support/certificates.ts';
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
    ['tells only the detail', { text: '{"errorDetail":{"message":"bad layer"}}' }, /: bad layer$/],
    [
      'fails after it has said a lot',
      {
        text: `${'{"stream":"still there, and at it for a long time to come"}\n'.repeat(30_000)}{"error":"no room"}\n`,
      },
      /: no room$/,
    ],
    [
      'tells more than anybody reads',
      { status: 500, text: JSON.stringify({ message: 'x'.repeat(60_000) }) },
      /^.{0,600}$/,
    ],
    [
      'says more in one line than anybody reads',
      { text: JSON.stringify({ error: `no room ${'x'.repeat(900_000)}` }) },
      /did not take the image: .{0,20}no room x{300,500}$/,
    ],
    ['never comes to an end', { text: ' '.repeat(17 << 20) }, /could not be sent/],
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

  it.each([
    ['before it answers', false],
    ['in the middle of its answer', true],
  ])('that says nothing any more %s is not waited for', async (_, begins) => {
    const server = createServer((request, response) => {
      request.resume().on('end', () => begins && response.write(LOADED));
    });
    servers.push(server);
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    const env = { DOCKER_HOST: `tcp://127.0.0.1:${port}` };
    const error = await rejected('LOAD_FAILED', loadIntoDocker({ path: archive(), env, signal }, 200));
    expect(error.cause).toMatchObject({ message: 'it has said nothing for 0.2 s' });
  });

  it('that takes nothing any more is not waited for', async () => {
    const server = createServer(() => undefined);
    servers.push(server);
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    const path = join(newDirectory(), 'image.tar');
    writeFileSync(path, Buffer.alloc(32 << 20));
    const env = { DOCKER_HOST: `tcp://127.0.0.1:${port}` };
    const error = await rejected('LOAD_FAILED', loadIntoDocker({ path, env, signal }, 200));
    expect(error.cause).toMatchObject({ message: 'it has said nothing for 0.2 s' });
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

describe('Docker behind TLS', () => {
  /** Asks for a certificate of the same authority. Returns DOCKER_HOST, a directory of certificates, and what came in. */
  async function startTls() {
    const directory = newDirectory();
    const authority = createAuthority(directory);
    const { key, cert } = authority.issue('IP:127.0.0.1');
    const bodies: Buffer[] = [];
    const options = { key, cert, ca: readFileSync(authority.path), requestCert: true };
    const server = createTlsServer({ ...options, rejectUnauthorized: true }, async (request, response) => {
      bodies.push(await buffer(request));
      response.end(LOADED);
    });
    servers.push(server);
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    const certificates = (client: Issued, ca = readFileSync(authority.path, 'utf8')) => {
      const place = newDirectory();
      for (const [name, text] of Object.entries({ ca, cert: client.cert, key: client.key }))
        writeFileSync(join(place, `${name}.pem`), text);
      return place;
    };
    return { host: `tcp://127.0.0.1:${port}`, port, bodies, authority, certificates };
  }

  it.each([
    ['DOCKER_CERT_PATH', { DOCKER_TLS_VERIFY: '1' }, 'DOCKER_CERT_PATH'],
    ['DOCKER_CONFIG, where the other is not set', { DOCKER_TLS_VERIFY: '1' }, 'DOCKER_CONFIG'],
    ['DOCKER_CERT_PATH, with an https address', {}, 'DOCKER_CERT_PATH'],
  ] as const)('gets the archive with the certificates in %s', async (_, switches, variable) => {
    const { host, port, bodies, authority, certificates } = await startTls();
    const isHttps = !('DOCKER_TLS_VERIFY' in switches);
    const env = {
      ...switches,
      DOCKER_HOST: isHttps ? `https://127.0.0.1:${port}` : host,
      [variable]: certificates(authority.issue('DNS:client.test')),
    };
    await reachDocker({ env, signal });
    expect(await loadIntoDocker({ path: archive(), env, signal })).toEqual(['Loaded image: app:1']);
    expect(bodies.map((body) => body.equals(CONTENT))).toEqual([true]);
  });

  it('is not sent anything where its certificate is of another authority', async () => {
    const { host, bodies, authority, certificates } = await startTls();
    const other = readFileSync(createAuthority(newDirectory()).path, 'utf8');
    const place = certificates(authority.issue('DNS:client.test'), other);
    const env = { DOCKER_HOST: host, DOCKER_TLS_VERIFY: '1', DOCKER_CERT_PATH: place };
    const error = await rejected('LOAD_FAILED', loadIntoDocker({ path: archive(), env, signal }));
    expect(String(error.cause)).toMatch(/certificate/i);
    expect(bodies).toEqual([]);
  });

  it('takes nothing from a client whose certificate is of another authority', async () => {
    const { host, bodies, certificates } = await startTls();
    const stranger = createAuthority(newDirectory()).issue('DNS:client.test');
    const env = { DOCKER_HOST: host, DOCKER_TLS_VERIFY: '1', DOCKER_CERT_PATH: certificates(stranger) };
    await rejected('LOAD_FAILED', loadIntoDocker({ path: archive(), env, signal }));
    expect(bodies).toEqual([]);
  });

  it('is a failure before anything is downloaded where certificates are missing', async () => {
    const { host } = await startTls();
    const place = newDirectory();
    const env = { DOCKER_HOST: host, DOCKER_TLS_VERIFY: '1', DOCKER_CERT_PATH: place };
    const error = await rejected('LOAD_FAILED', reachDocker({ env, signal }));
    expect(error.message).toBe(`the certificates for Docker in ${place} cannot be read`);
  });
});

describe('whether an engine is there', () => {
  const listening = async (): Promise<AddressInfo> => {
    const server = createSocketServer((socket) => socket.destroy());
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const address = server.address() as AddressInfo;
    server.close();
    return address;
  };

  it('is told of Docker by a connection alone', async () => {
    const { host, asked } = await startEngine({ text: LOADED });
    await reachDocker({ env: { DOCKER_HOST: host }, signal });
    expect(asked).toEqual([]);
  });

  it.each([
    ['a socket', async () => `unix://${newDirectory()}/docker.sock`],
    ['a port', async () => `tcp://127.0.0.1:${(await listening()).port}`],
  ])('is told of Docker where nobody listens on %s', async (_, address) => {
    const host = await address();
    const error = await rejected('LOAD_FAILED', reachDocker({ env: { DOCKER_HOST: host }, signal }));
    expect(error.message).toBe(`Docker at ${host} cannot be reached`);
  });

  it.each(['ssh://user@host', 'npipe:////./pipe/docker', 'tcp://:x'])(
    'cannot be told of Docker at %s',
    async (host) => {
      const error = await rejected('LOAD_FAILED', reachDocker({ env: { DOCKER_HOST: host }, signal }));
      expect(error.message).toBe(`DOCKER_HOST is ${host}, which cannot be used here`);
    },
  );

  it('is not waited for when the pull is cancelled', async () => {
    const { host } = await startEngine({ text: LOADED });
    const env = { DOCKER_HOST: host };
    await rejected('ABORTED', reachDocker({ env, signal: AbortSignal.abort() }));
  });
});

describe('podman', () => {
  function withPodman(script: string) {
    const directory = newDirectory();
    mkdirSync(join(directory, 'bin'));
    writeFileSync(join(directory, 'bin/podman'), `#!/bin/sh\n${script}\n`);
    chmodSync(join(directory, 'bin/podman'), 0o755);
    return { program: join(directory, 'bin/podman'), env: { PATH: '/usr/bin:/bin' } };
  }

  it('is run with the path of the archive', async () => {
    const podman = withPodman('echo "$@"; wc -c < "$4"');
    const path = archive();
    const said = await loadIntoPodman({ path, ...podman, signal });
    expect(said).toEqual([`load --quiet --input ${path}`, String(CONTENT.length)]);
  });

  it('fails the pull with what it complains of', async () => {
    const podman = withPodman('echo "Error: no space" >&2; exit 125');
    const error = await rejected('LOAD_FAILED', loadIntoPodman({ path: archive(), ...podman, signal }));
    expect(error).toMatchObject({ message: expect.stringContaining('Error: no space') });
  });

  it('is quoted only with what it says of the format that it was given', async () => {
    const podman = withPodman(
      'printf "Error: no supported format:\\n * oci: x\\n * docker-archive: no space\\n * dir: y\\n" >&2; exit 125',
    );
    const error = await rejected('LOAD_FAILED', loadIntoPodman({ path: archive(), ...podman, signal }));
    expect(error.message).toBe('podman did not take the image: no space');
  });

  it('is there where it tells its version', async () => {
    const place = newDirectory();
    await reachPodman({ ...withPodman(`echo "$@" > ${place}/asked`), signal });
    expect(readFileSync(join(place, 'asked'), 'utf8')).toBe('--version\n');
  });

  it('is left when the pull is cancelled', async () => {
    await rejected('ABORTED', reachPodman({ ...withPodman('sleep 60'), signal: AbortSignal.timeout(50) }));
  });

  it('that says more than anybody reads is quoted with the beginning', async () => {
    const podman = withPodman('yes ä | head -c 1000000 >&2; exit 1');
    const error = await rejected('LOAD_FAILED', loadIntoPodman({ path: archive(), ...podman, signal }));
    expect(Buffer.byteLength(error.message)).toBeGreaterThan(60_000);
    expect(Buffer.byteLength(error.message)).toBeLessThan(66_000);
  });

  it('that is not there fails the pull', async () => {
    const program = join(newDirectory(), 'podman');
    expect(await rejected('LOAD_FAILED', reachPodman({ program, env: {}, signal }))).toMatchObject({
      message: 'podman cannot be run',
    });
  });
});
