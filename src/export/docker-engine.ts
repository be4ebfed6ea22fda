// Docker's HTTP API, of which this needs one call. https://docs.docker.com/reference/api/engine/version/v1.47/#tag/Image/operation/ImageLoad
import { once } from 'node:events';
import { createReadStream, readFileSync } from 'node:fs';
import { stat } from 'node:fs/promises';
import { type IncomingMessage, type RequestOptions, request } from 'node:http';
import { request as requestTls } from 'node:https';
import { connect } from 'node:net';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { PullError, toPullError } from '../errors.ts';
import { readAnswer } from './engine-answer.ts';

const DEFAULT_HOST = 'unix:///var/run/docker.sock';
const CONNECT_MS = 10_000;

/** It takes and says nothing while it unpacks what it was sent. */
const SILENCE_MS = 10 * 60 * 1000;

export interface LoadJob {
  readonly path: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly signal: AbortSignal;
}

/** Before anything is downloaded for it: does somebody listen there? Throws LOAD_FAILED, ABORTED. */
export async function reachDocker({ env, signal }: Omit<LoadJob, 'path'>): Promise<void> {
  const host = env.DOCKER_HOST || DEFAULT_HOST;
  const { socketPath, hostname, port } = addressOf(host, env);
  const socket = connect(
    socketPath ? { path: socketPath } : { host: hostname ?? '', port: Number(port), timeout: CONNECT_MS },
  );
  socket.once('timeout', () => socket.destroy(new Error('no connection came about in time')));
  try {
    await once(socket, 'connect', { signal });
  } catch (cause) {
    if (signal.aborted) throw new PullError('ABORTED', 'the pull was cancelled', { cause });
    throw toPullError(cause, { code: 'LOAD_FAILED', message: `Docker at ${host} cannot be reached` });
  } finally {
    socket.destroy();
  }
}

/** Streams the file to the engine that DOCKER_HOST names, and returns what it says. Throws LOAD_FAILED, also after `silenceMs` without a word, ABORTED. */
export async function loadIntoDocker(
  { path, env, signal }: LoadJob,
  silenceMs = SILENCE_MS,
): Promise<readonly string[]> {
  const host = env.DOCKER_HOST || DEFAULT_HOST;
  const over = new AbortController();
  try {
    const { size } = await stat(path);
    const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
    const address = addressOf(host, env);
    // A socket has no name. Elsewhere it must be the real one: over TLS the certificate is held against it.
    const name = address.socketPath ? { host: 'docker' } : {};
    const options: RequestOptions = {
      ...address,
      method: 'POST',
      path: '/images/load?quiet=1',
      headers: { ...name, 'content-type': 'application/x-tar', 'content-length': size },
      timeout: silenceMs,
      signal: AbortSignal.any([signal, over.signal]),
    };
    const send = isTls(host, env) ? requestTls(options) : request(options);
    send.on('response', resolve);
    send.on('timeout', () => {
      const why = new Error(`it has said nothing for ${silenceMs / 1000} s`);
      void promise.then((response) => response.destroy(why)).catch(() => undefined);
      send.destroy(why);
    });
    send.on('error', reject);
    // An engine that refuses does not wait for the rest: its answer counts, not that the sending broke off.
    const sent = pipeline(createReadStream(path), send).catch(reject);
    const response = await promise;
    const { said, reason, start } = await readAnswer(response);
    if (response.statusCode !== 200) throw failed(host, `${response.statusCode}: ${reason ?? start}`);
    if (reason !== undefined) throw failed(host, reason);
    await sent;
    return said;
  } catch (cause) {
    if (signal.aborted) throw new PullError('ABORTED', 'the pull was cancelled', { cause });
    throw toPullError(cause, {
      code: 'LOAD_FAILED',
      message: `the image could not be sent to Docker at ${host}`,
    });
  } finally {
    over.abort();
  }
}

function failed(host: string, reason: string): PullError {
  return new PullError('LOAD_FAILED', `Docker at ${host} did not take the image: ${reason}`);
}

function isTls(host: string, { DOCKER_TLS_VERIFY }: LoadJob['env']): boolean {
  return host.startsWith('https://') || (host.startsWith('tcp://') && Boolean(DOCKER_TLS_VERIFY));
}

/** As the docker command reads DOCKER_HOST, but for ssh and Windows' pipes. */
function addressOf(host: string, env: LoadJob['env']): RequestOptions {
  if (host.startsWith('unix://')) return { socketPath: host.slice('unix://'.length) };
  const url = /^(?:tcp|https?):\/\//.test(host) ? URL.parse(host.replace(/^tcp:/, 'http:')) : undefined;
  if (!url)
    throw new PullError('LOAD_FAILED', `DOCKER_HOST is ${host}, which cannot be used here`, {
      hint: 'Set it to unix:///path or tcp://host:port. What is reached by ssh needs a tunnel.',
    });
  const tls = isTls(host, env);
  const address = { hostname: url.hostname, port: url.port || (tls ? 2376 : 2375) };
  return tls ? { ...address, ...certificates(env) } : address;
}

function certificates(env: LoadJob['env']) {
  const directory = env.DOCKER_CERT_PATH || env.DOCKER_CONFIG || join(homedir(), '.docker');
  const read = (name: string) => readFileSync(join(directory, name));
  try {
    return { ca: read('ca.pem'), cert: read('cert.pem'), key: read('key.pem') };
  } catch (cause) {
    const message = `the certificates for Docker in ${directory} cannot be read`;
    throw toPullError(cause, { code: 'LOAD_FAILED', message });
  }
}
