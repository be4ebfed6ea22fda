import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { MIN_ANNOUNCED_LINE, secretsOf } from '../../src/auth/announce.ts';
import { createKeychain, inputKeychain, type KeychainSettings } from '../../src/auth/keychain.ts';
import { rejected, thrown } from '../support/pull-error.ts';
import { temporaryDirectories } from '../support/temporary.ts';
import { answerWith, type HelperScripts, helperScripts } from './helper-scripts.ts';

const temporary = temporaryDirectories();
/** Nobody's: what the machine of the test has in /run is not read. */
const NOBODY = 4_000_000_000;

let home: string;
let helpers: HelperScripts;
let notes: string[];
let secrets: string[];

beforeEach(() => {
  home = temporary();
  helpers = helperScripts(temporary());
  notes = [];
  secrets = [];
});

function keychain(settings: Partial<KeychainSettings> = {}) {
  return createKeychain({
    registry: 'quay.io',
    home,
    uid: NOBODY,
    platform: process.platform,
    note: (message) => notes.push(message),
    onSecret: (secret) => secrets.push(secret),
    ...settings,
    env: { PATH: `${helpers.directory}:/usr/bin:/bin`, ...settings.env },
  });
}

/** Writes a file below the home directory. */
function write(name: string, content: unknown): string {
  const path = join(home, name);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, typeof content === 'string' ? content : JSON.stringify(content));
  return path;
}

/** Entries whose password says where they stand. */
function auths(where: string, ...keys: string[]) {
  const entry = (key: string) => [key, { auth: Buffer.from(`me:${where} ${key}`).toString('base64') }];
  return { auths: Object.fromEntries(keys.map(entry)) };
}

const DOCKER = '.docker/config.json';
const CONTAINERS = '.config/containers/auth.json';

describe('the order of logins', () => {
  it('is inputs, named file, variable, auth.json in its places, config.json, .dockercfg', async () => {
    const named = write('named.json', auths('named', 'quay.io'));
    const variable = JSON.stringify(auths('variable', 'quay.io'));
    const runtime = write('run/containers/auth.json', auths('runtime', 'quay.io'));
    const containers = write(CONTAINERS, auths('containers', 'quay.io'));
    const docker = write(DOCKER, auths('docker', 'quay.io'));
    write('.dockercfg', auths('oldest', 'quay.io').auths);
    const env = { XDG_RUNTIME_DIR: join(home, 'run') };
    const ask = async (settings: Partial<KeychainSettings> = {}) => {
      const found = await keychain({ env, ...settings })('quay.io', 'team/app');
      return found?.kind === 'password' ? found.password : found;
    };
    const withVariable = { ...env, DOCKER_AUTH_CONFIG: variable };
    const withNamed = { ...withVariable, REGISTRY_AUTH_FILE: named };
    expect(await ask({ env: withNamed, login: { username: 'me', password: 'input' } })).toBe('input');
    expect(await ask({ env: withVariable, authFile: named })).toBe('named quay.io');
    expect(await ask({ env: withNamed })).toBe('named quay.io');
    expect(await ask({ env: withVariable })).toBe('variable quay.io');
    for (const [path, expected] of [
      [runtime, 'runtime quay.io'],
      [containers, 'containers quay.io'],
      [docker, 'docker quay.io'],
    ] as const) {
      expect(await ask()).toBe(expected);
      rmSync(path);
    }
    expect(await ask()).toBe('oldest quay.io');
  });

  it('puts the most specific key before the first file, except that the named file is asked by itself', async () => {
    write(CONTAINERS, auths('containers', 'quay.io', 'quay.io/team'));
    write(DOCKER, auths('docker', 'quay.io', 'quay.io/team/app', 'quay.io/other'));
    const ask = keychain();
    expect(await ask('quay.io', 'team/app')).toMatchObject({ password: 'docker quay.io/team/app' });
    expect(await ask('quay.io', 'team/app2')).toMatchObject({ password: 'containers quay.io/team' });
    expect(await ask('quay.io', 'other')).toMatchObject({ password: 'docker quay.io/other' });
    expect(await ask('quay.io', 'else')).toMatchObject({ password: 'containers quay.io' });
    const authFile = write('named.json', auths('named', 'quay.io'));
    expect(await keychain({ authFile })('quay.io', 'team/app')).toMatchObject({ password: 'named quay.io' });
  });

  it('goes on to the next file where one has nothing for the registry', async () => {
    write(CONTAINERS, { auths: { 'quay.io': {}, 'a.test': { auth: 'YTpi' } } });
    const path = write(DOCKER, auths('docker', 'https://quay.io/v1/'));
    expect(await keychain()('quay.io', 'app')).toEqual({
      kind: 'password',
      username: 'me',
      password: 'docker https://quay.io/v1/',
      source: path,
    });
    expect(await keychain()('b.test', 'app')).toBeUndefined();
  });

  it('finds Docker Hub by any of its names', async () => {
    write(DOCKER, auths('docker', 'https://index.docker.io/v1/access-token', 'https://index.docker.io/v1/'));
    for (const name of ['docker.io', 'index.docker.io', 'registry-1.docker.io'])
      expect(await keychain()(name, 'library/alpine')).toMatchObject({
        password: 'docker https://index.docker.io/v1/',
      });
  });
});

describe('the inputs username and password', () => {
  const login = { username: 'me', password: 'secret' };

  it('are for the registry of the image, and for no mirror', async () => {
    const ask = inputKeychain('docker.io', login);
    expect(await ask('docker.io', 'library/alpine')).toEqual({
      kind: 'password',
      username: 'me',
      password: 'secret',
      source: '`username` and `password`',
    });
    for (const other of ['mirror.test', 'docker.io.test', 'docker.io:443', 'x.docker.io', ''])
      expect(await ask(other, 'library/alpine')).toBeUndefined();
  });

  it('leave mirrors to the files', async () => {
    write(DOCKER, auths('docker', 'quay.io', 'mirror.test'));
    const ask = keychain({ login });
    expect(await ask('quay.io', 'app')).toMatchObject({ password: 'secret' });
    expect(await ask('mirror.test', 'app')).toMatchObject({ password: 'docker mirror.test' });
  });

  it('come in pairs', () => {
    thrown('INPUT_INVALID', () => keychain({ login: { username: 'me' } }));
  });

  it('spare a broken file', async () => {
    write(DOCKER, 'broken');
    const ask = keychain({ login });
    expect(await ask('quay.io', 'app')).toMatchObject({ password: 'secret' });
    await rejected('CONFIG_INVALID', ask('mirror.test', 'app'));
  });
});

describe('helpers', () => {
  it('of a registry come before the store, and both before what the file holds itself', async () => {
    helpers.add('own', answerWith('helper', 'own'));
    helpers.add('all', answerWith('helper', 'all'));
    const path = write(DOCKER, {
      ...auths('docker', 'quay.io', 'a.test', 'none.test'),
      credsStore: 'all',
      credHelpers: { 'quay.io': 'own', 'none.test': '' },
    });
    const ask = keychain();
    expect(await ask('quay.io', 'app')).toEqual({
      kind: 'password',
      username: 'helper',
      password: 'own',
      source: `docker-credential-own, named in ${path}`,
    });
    expect(await ask('a.test', 'app')).toMatchObject({ password: 'all' });
    expect(await ask('none.test', 'app')).toMatchObject({ password: 'docker none.test' });
  });

  it('are asked once about a registry', async () => {
    helpers.add('all', answerWith('me', 'secret'));
    write(DOCKER, { auths: { 'quay.io': {} }, credsStore: 'all' });
    const ask = keychain();
    await Promise.all([ask('quay.io', 'a'), ask('quay.io', 'b'), ask('quay.io', 'a'), ask('QUAY.io', 'a')]);
    expect(helpers.asked()).toEqual(['all get quay.io']);
  });

  it('are asked for Docker Hub as Docker does, then by the name in the file', async () => {
    helpers.add(
      'pass',
      `[ "$server" = docker.io ] || { echo "credentials not found"; exit 1; }
${answerWith('me', 'secret')}`,
    );
    write(CONTAINERS, { credHelpers: { 'docker.io': 'pass' } });
    expect(await keychain()('docker.io', 'library/alpine')).toMatchObject({ password: 'secret' });
    expect(helpers.asked()).toEqual(['pass get https://index.docker.io/v1/', 'pass get docker.io']);
  });

  it('may give an identity token', async () => {
    helpers.add('acr', answerWith('<token>', 'refresh'));
    write(DOCKER, { credHelpers: { 'quay.io': 'acr' } });
    expect(await keychain()('quay.io', 'app')).toMatchObject({ kind: 'identity-token', token: 'refresh' });
  });

  it('that fail are noted once and passed over', async () => {
    helpers.add('own', 'echo "no region"; exit 1');
    const path = write(DOCKER, {
      ...auths('docker', 'a.test'),
      credsStore: 'absent',
      credHelpers: { 'quay.io': 'own' },
    });
    const ask = keychain();
    expect(await ask('quay.io', 'one')).toBeUndefined();
    expect(await ask('quay.io', 'two')).toBeUndefined();
    expect(await ask('a.test', 'app')).toMatchObject({ password: 'docker a.test' });
    expect(notes).toEqual([
      `docker-credential-own, named in ${path} for quay.io, ended with 1: "no region"; going on without it`,
      `docker-credential-absent, named in ${path} for a.test, is not on PATH; going on without it`,
    ]);
  });

  it('are not asked where a more specific key has a login', async () => {
    helpers.add('all', answerWith('me', 'secret'));
    write(DOCKER, { credsStore: 'all' });
    write(CONTAINERS, auths('containers', 'quay.io/team'));
    expect(await keychain()('quay.io', 'team/app')).toMatchObject({ password: 'containers quay.io/team' });
    expect(helpers.asked()).toEqual([]);
  });

  it('have names that cannot lead out of PATH', async () => {
    const path = write(DOCKER, { credsStore: '../evil' });
    const { message } = await rejected('CONFIG_INVALID', keychain()('quay.io', 'app'));
    expect(message).toContain(path);
    expect(message).not.toContain('evil');
  });

  it('are not taken from a variable', async () => {
    helpers.add('all', answerWith('me', 'secret'));
    expect(
      await keychain({ env: { DOCKER_AUTH_CONFIG: '{"credsStore":"all"}' } })('quay.io', 'a'),
    ).toBeUndefined();
    expect(helpers.asked()).toEqual([]);
  });
});

describe('files', () => {
  it('are read once, when they are first needed', async () => {
    const ask = keychain();
    write(DOCKER, auths('first', 'quay.io', 'a.test'));
    expect(await ask('quay.io', 'app')).toMatchObject({ password: 'first quay.io' });
    write(DOCKER, auths('second', 'quay.io', 'a.test'));
    expect(await ask('a.test', 'app')).toMatchObject({ password: 'first a.test' });
  });

  it('that are broken end the pull, and only their name is told', async () => {
    const path = write(CONTAINERS, '{"auths":{"quay.io":{"auth":"hunter2');
    const { message, hint, cause } = await rejected('CONFIG_INVALID', keychain()('quay.io', 'app'));
    expect(message).toBe(`${path}: it is not valid JSON`);
    expect(`${hint}${cause}`).not.toContain('hunter2');
  });

  it('that an input names must exist', async () => {
    const authFile = join(home, 'absent.json');
    expect((await rejected('CONFIG_INVALID', keychain({ authFile })('quay.io', 'app'))).message).toContain(
      authFile,
    );
  });

  it('that cannot be read are noted and passed over', async () => {
    mkdirSync(join(home, DOCKER), { recursive: true });
    write('.dockercfg', auths('oldest', 'quay.io').auths);
    expect(await keychain()('quay.io', 'app')).toMatchObject({ password: 'oldest quay.io' });
    expect(notes).toEqual([expect.stringContaining('(EISDIR); going on without it')]);
  });
});

describe('secrets', () => {
  it('are told before they are handed out, in the forms in which they are sent', async () => {
    write(DOCKER, auths('docker', 'quay.io'));
    const ask = keychain({ registry: 'a.test', login: { username: 'me', password: 'secret' } });
    await ask('quay.io', 'app');
    const basic = Buffer.from('me:docker quay.io').toString('base64');
    expect(secrets).toEqual(['docker quay.io', basic]);
    await ask('a.test', 'app');
    expect(secrets.slice(2)).toEqual(['secret', Buffer.from('me:secret').toString('base64')]);
  });

  it('of several lines are told by those lines that are no mere braces', () => {
    const line = `"private_key": "${'k'.repeat(MIN_ANNOUNCED_LINE)}"`;
    const credential = {
      kind: 'password',
      username: '_json_key',
      password: `{\n${line}\n}`,
      source: '',
    } as const;
    const basic = Buffer.from(`_json_key:${credential.password}`).toString('base64');
    expect(secretsOf(credential)).toEqual([line, basic]);
    expect(secretsOf({ kind: 'registry-token', token: 'access', source: '' })).toEqual(['access']);
    expect(secretsOf({ kind: 'password', username: 'me', password: '', source: '' })).toEqual([]);
  });
});
