// Runs Docker's credential helpers: programs that keep secrets elsewhere, or make short-lived ones (ECR, gcloud, ACR).
// https://github.com/docker/docker-credential-helpers#development
import { spawn } from 'node:child_process';
import { basename } from 'node:path';
import { PullError, redactUrls } from '../errors.ts';
import { isJsonRecord, quote } from '../oci/json.ts';
import { childEnvironment } from './child-environment.ts';
import { findProgram, type ProgramSearch } from './find-program.ts';

export interface HelperSettings extends ProgramSearch {
  /** Ends a helper that runs. */
  readonly signal?: AbortSignal | undefined;
  /** Milliseconds; for tests. */
  readonly timeout?: number | undefined;
  /** Told of a helper that keeps everybody waiting. */
  readonly note?: ((message: string) => void) | undefined;
}

export type HelperAnswer =
  | { readonly kind: 'found'; readonly username: string; readonly secret: string }
  | { readonly kind: 'none' }
  /** `why` follows the program's name in a sentence. */
  | { readonly kind: 'failed'; readonly why: string };

/** Those of clouds ask their services, and start in seconds; one that waits for somebody to type waits for ever. */
const HELPER_TIMEOUT_MS = 30_000;
/** Share of the time-out after which whoever waits is told for what: 3 s. */
const PATIENCE = 0.1;
/** Tokens of clouds have a few thousand characters. */
export const MAX_HELPER_OUTPUT_BYTES = 64 * 1024;
const MAX_TOLD_LENGTH = 200;

/** No separators: a name must not lead out of PATH. */
export function isHelperName(name: string): boolean {
  return /^[A-Za-z0-9._-]{1,100}$/.test(name);
}

export function helperProgram(name: string): string {
  return `docker-credential-${name}`;
}

/** `docker-credential-NAME get`, with the environment of this process. Throws ABORTED only. */
export async function askHelper(
  name: string,
  server: string,
  settings: HelperSettings,
): Promise<HelperAnswer> {
  const program = await findProgram(helperProgram(name), settings);
  if (program === undefined) return { kind: 'failed', why: 'is not on PATH' };
  const end = await run(program, server, settings);
  if ('why' in end) return { kind: 'failed', why: end.why };
  const [output, complaint] = [end.output.trim(), end.complaint.trim()];
  if (end.status === 0) return readAnswer(output);
  if (/credentials not found/i.test(`${output}\n${complaint}`)) return { kind: 'none' };
  return { kind: 'failed', why: `ended with ${end.status}${told(output || complaint)}` };
}

function readAnswer(output: string): HelperAnswer {
  let answer: unknown;
  try {
    answer = JSON.parse(output);
  } catch {
    // The cause would quote the output, which may be a secret.
    return { kind: 'failed', why: 'answered with something that is not JSON' };
  }
  const { Username: username = '', Secret: secret = '' } = isJsonRecord(answer) ? answer : {};
  if (!isJsonRecord(answer) || typeof username !== 'string' || typeof secret !== 'string')
    return { kind: 'failed', why: 'answered with something that holds no credential' };
  return secret === '' ? { kind: 'none' } : { kind: 'found', username, secret };
}

/** What the helper said, unless it looks like an answer: that would hold the secret. */
function told(text: string): string {
  const [line = ''] = text.split('\n');
  if (line === '' || text.includes('{')) return '';
  return `: ${quote(redactUrls(line).slice(0, MAX_TOLD_LENGTH))}`;
}

type End =
  | { readonly status: number | NodeJS.Signals; readonly output: string; readonly complaint: string }
  | { readonly why: string };

function run(program: string, server: string, settings: HelperSettings): Promise<End> {
  const { env, signal, timeout = HELPER_TIMEOUT_MS } = settings;
  const { promise, resolve, reject } = Promise.withResolvers<End>();
  const stop = new AbortController();
  const onAbort = () => {
    stop.abort();
    reject(new PullError('ABORTED', 'cancelled while waiting for a credential helper'));
  };
  if (signal?.aborted) {
    onAbort();
    return promise;
  }
  const giveUp = (why: string) => {
    stop.abort();
    resolve({ why });
  };
  const timer = setTimeout(() => giveUp(`has not answered within ${timeout / 1000} s`), timeout);
  const name = basename(program);
  const notice = setTimeout(() => {
    settings.note?.(`waiting for ${name} to tell the login for ${server}, for up to ${timeout / 1000} s`);
  }, timeout * PATIENCE);
  signal?.addEventListener('abort', onAbort, { once: true });
  start(program, server, { env, stop: stop.signal, giveUp, done: resolve });
  return promise.finally(() => {
    clearTimeout(timer);
    clearTimeout(notice);
    signal?.removeEventListener('abort', onAbort);
  });
}

interface Running {
  readonly env: HelperSettings['env'];
  readonly stop: AbortSignal;
  giveUp(why: string): void;
  done(end: End): void;
}

function start(program: string, server: string, { env, stop, giveUp, done }: Running): void {
  const child = spawn(program, ['get'], { env: childEnvironment(env), stdio: 'pipe', windowsHide: true });
  const output: Buffer[] = [];
  const complaint: Buffer[] = [];
  let bytes = 0;
  const collect = (into: Buffer[]) => (chunk: Buffer) => {
    into.push(chunk);
    bytes += chunk.length;
    if (bytes > MAX_HELPER_OUTPUT_BYTES) giveUp(`answered with more than ${MAX_HELPER_OUTPUT_BYTES} bytes`);
  };
  child.stdout.on('data', collect(output));
  child.stderr.on('data', collect(complaint));
  child.once('error', (error: NodeJS.ErrnoException) => giveUp(`cannot be started (${error.code})`));
  child.once('close', (code, signal) =>
    done({
      status: code ?? signal ?? 0,
      output: Buffer.concat(output).toString('utf8'),
      complaint: Buffer.concat(complaint).toString('utf8'),
    }),
  );
  // A helper may end without reading what it is asked.
  child.stdin.on('error', () => {});
  child.stdin.end(server);
  stop.addEventListener('abort', () => {
    child.kill('SIGKILL');
    // What it started may live on and hold the pipes: nobody waits for that.
    for (const pipe of [child.stdin, child.stdout, child.stderr]) pipe.destroy();
  });
}
