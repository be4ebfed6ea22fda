// What skopeo sends with the files it wrote, and with those of others, is what is found in them here.
import { execFile, execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Credential } from '../../src/auth/credential.ts';
import { createKeychain } from '../../src/auth/keychain.ts';
import { temporaryDirectories } from '../support/temporary.ts';
import { answerWith, type HelperScripts, helperScripts } from './helper-scripts.ts';
import { type RecordingRegistry, startRecordingRegistry } from './recording-registry.ts';

/** Why these tests must be skipped; undefined: run them. In CI they always run, so that a missing skopeo fails there. */
function skipSkopeo(): string | undefined {
  if (process.env.CI) return undefined;
  try {
    execFileSync('skopeo', ['--version'], { stdio: 'ignore' });
    return undefined;
  } catch {
    return 'skopeo is not on PATH';
  }
}

const skip = skipSkopeo();
const temporary = temporaryDirectories();
/** Nobody's: what the machine of the test has in /run is not read. */
const NOBODY = 4_000_000_000;
const REPOSITORIES = ['ns/repo', 'ns/repo/sub', 'ns/repo2', 'ns/other', 'ns', 'nsx/repo', 'other', 'v2/app'];

let registry: RecordingRegistry;
let helpers: HelperScripts;

beforeAll(async () => {
  registry = await startRecordingRegistry();
  helpers = helperScripts(temporary());
});
afterAll(() => registry[Symbol.asyncDispose]());

interface Room {
  readonly home: string;
  readonly env: Record<string, string>;
}

/** A home directory and a run-time directory of nobody else's. */
function room(): Room {
  const home = temporary();
  const path = `${helpers.directory}:${process.env.PATH}`;
  return { home, env: { HOME: home, XDG_RUNTIME_DIR: join(home, 'run'), PATH: path } };
}

function write(path: string, content: unknown): string {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, JSON.stringify(content));
  return path;
}

const auth = (text: string) => ({ auth: Buffer.from(text).toString('base64') });

/** skopeo answers a challenge for a login that it does not have with an empty user name and an empty password. */
const NOTHING = `Basic ${auth(':').auth}`;

async function skopeo({ env }: Room, ...args: string[]): Promise<void> {
  await promisify(execFile)('skopeo', args, { env });
}

/** What skopeo sends for the repository; the image itself does not exist. */
async function sentBySkopeo(place: Room, repository: string, authFile?: string): Promise<string | undefined> {
  const authfile = authFile === undefined ? [] : ['--authfile', authFile];
  const image = `docker://${registry.host}/${repository}`;
  const failure = await skopeo(place, 'inspect', '--tls-verify=false', ...authfile, image).then(
    () => 'nothing',
    (error: { stderr?: string }) => error.stderr,
  );
  expect(failure).toContain('reading manifest');
  const sent = registry.sentFor(repository);
  return sent === NOTHING ? undefined : sent;
}

async function found({ home, env }: Room, repository: string, authFile?: string) {
  const note = (message: string) => {
    throw new Error(message);
  };
  const settings = { registry: registry.host, home, env, uid: NOBODY, platform: process.platform, note };
  return toHeader(await createKeychain({ ...settings, authFile })(registry.host, repository));
}

function toHeader(credential: Credential | undefined): string | undefined {
  if (credential === undefined) return undefined;
  if (credential.kind !== 'password') throw new Error(`skopeo does not send a ${credential.kind}`);
  return `Basic ${auth(`${credential.username}:${credential.password}`).auth}`;
}

/** Compares all repositories, and returns the user names, so that a table that finds nothing is seen. */
async function compare(place: Room, authFile?: string): Promise<Record<string, string | undefined>> {
  const users: Record<string, string | undefined> = {};
  for (const repository of REPOSITORIES) {
    const sent = await sentBySkopeo(place, repository, authFile);
    expect([repository, await found(place, repository, authFile)]).toEqual([repository, sent]);
    const text = Buffer.from(sent?.replace('Basic ', '') ?? '', 'base64').toString();
    users[repository] = sent && text.slice(0, text.indexOf(':'));
  }
  return users;
}

describe.skipIf(skip)(`what skopeo sends${skip ? ` (skipped: ${skip})` : ''}`, () => {
  it('is found in the file that its login writes, by registry, namespace and repository', async () => {
    const place = room();
    const file = join(place.home, 'auth.json');
    const login = (user: string, key: string) =>
      skopeo(place, 'login', '--tls-verify=false', '--authfile', file, '-u', user, '-p', `${user}:ü`, key);
    await login('all', registry.host);
    await login('ns', `${registry.host}/ns`);
    await login('repo', `${registry.host}/ns/repo`);
    expect(Object.keys(JSON.parse(readFileSync(file, 'utf8')).auths)).toHaveLength(3);
    expect(await compare(place, file)).toEqual({
      'ns/repo': 'repo',
      'ns/repo/sub': 'repo',
      'ns/repo2': 'ns',
      'ns/other': 'ns',
      ns: 'ns',
      'nsx/repo': 'all',
      other: 'all',
      'v2/app': 'all',
    });
  });

  it.each<[string, (host: string) => Record<string, unknown>, string | undefined]>([
    ['a URL', (host) => ({ [`https://${host}/`]: auth('url:p') }), 'url'],
    ['a URL with a path', (host) => ({ [`http://${host}/v1/`]: auth('url:p') }), 'url'],
    [
      'a host before a URL',
      (host) => ({ [`https://${host}/v2/`]: auth('url:p'), [host]: auth('host:p') }),
      'host',
    ],
    ['a password with NULs after it', (host) => ({ [host]: auth('me:p:q\0\0') }), 'me'],
    ['no password', (host) => ({ [host]: auth('me:') }), 'me'],
    ['an empty entry', (host) => ({ [host]: {} }), undefined],
    ['another port', () => ({ '127.0.0.1:1': auth('me:p'), '127.0.0.1': auth('me:p') }), undefined],
    [
      'hosts that hold this one',
      (host) => ({ [`1${host}`]: auth('me:p'), [`${host}0`]: auth('me:p'), [`x.${host}`]: auth('me:p') }),
      undefined,
    ],
    ['no entries', () => ({}), undefined],
  ])('is found in a file with %s', async (_, auths, user) => {
    const place = room();
    const file = write(join(place.home, 'auth.json'), { auths: auths(registry.host) });
    expect((await compare(place, file)).other).toBe(user);
  });

  it('is found in the files of the home directory, one after the other', async () => {
    const { host } = registry;
    const place = room();
    write(join(place.home, '.dockercfg'), { [`https://${host}/v1/`]: auth('oldest:p') });
    expect((await compare(place)).other).toBe('oldest');
    write(join(place.home, '.docker/config.json'), { auths: { [host]: auth('docker:p') } });
    expect((await compare(place)).other).toBe('docker');
    write(join(place.home, '.config/containers/auth.json'), {
      auths: { [host]: {}, [`${host}/ns`]: auth('ns:p') },
    });
    expect(await compare(place)).toMatchObject({ other: 'docker', 'ns/other': 'ns' });
    write(join(place.home, 'run/containers/auth.json'), {
      auths: { [host]: auth('runtime:p'), [`${host}/ns`]: auth('runtime-ns:p') },
    });
    expect(await compare(place)).toMatchObject({ other: 'runtime', 'ns/other': 'runtime-ns' });
    const named = write(join(place.home, 'named.json'), { auths: { [host]: auth('named:p') } });
    place.env.REGISTRY_AUTH_FILE = named;
    expect((await compare(place)).other).toBe('named');
  });

  it('is less specific where a later file has a namespace that an earlier one has not: here all files count', async () => {
    const { host } = registry;
    const place = room();
    write(join(place.home, 'run/containers/auth.json'), { auths: { [host]: auth('runtime:p') } });
    write(join(place.home, '.config/containers/auth.json'), { auths: { [`${host}/ns`]: auth('ns:p') } });
    expect(await sentBySkopeo(place, 'ns/other')).toBe(`Basic ${auth('runtime:p').auth}`);
    expect(await found(place, 'ns/other')).toBe(`Basic ${auth('ns:p').auth}`);
    expect(await found(place, 'other')).toBe(`Basic ${auth('runtime:p').auth}`);
  });

  it('is what a credential helper on PATH says', async () => {
    helpers.add('golden', answerWith('helper', 'p:q'));
    const place = room();
    write(join(place.home, '.docker/config.json'), {
      auths: { [registry.host]: auth('file:p') },
      credHelpers: { [registry.host]: 'golden' },
    });
    expect((await compare(place)).other).toBe('helper');
    expect(new Set(helpers.asked())).toEqual(new Set([`golden get ${registry.host}`]));
  });
});
