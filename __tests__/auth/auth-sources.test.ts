import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import {
  type AuthFile,
  foundFiles,
  MAX_LOGINS_BYTES,
  namedFile,
  readAuthFile,
  readVariable,
} from '../../src/auth/auth-sources.ts';
import { rejected, thrown } from '../support/pull-error.ts';
import { temporaryDirectories } from '../support/temporary.ts';

const temporary = temporaryDirectories();
const paths = (env: Record<string, string>, uid: number | undefined, home = '/home/me') =>
  foundFiles({ env, home, uid }).map((file) => file.path);

describe('where logins are looked for', () => {
  it('is where the tools leave them if nothing says otherwise', () => {
    expect(paths({}, 1000)).toEqual([
      '/run/containers/1000/auth.json',
      '/home/me/.config/containers/auth.json',
      '/home/me/.docker/config.json',
      '/home/me/.dockercfg',
    ]);
  });

  it('is where the environment says', () => {
    const env = { XDG_RUNTIME_DIR: '/run/user/7', XDG_CONFIG_HOME: '/etc/me', DOCKER_CONFIG: '/docker' };
    expect(paths(env, 0)).toEqual([
      '/run/user/7/containers/auth.json',
      '/run/containers/0/auth.json',
      '/etc/me/containers/auth.json',
      '/docker/config.json',
      '/home/me/.dockercfg',
    ]);
  });

  it('is nowhere for somebody without a home', () => {
    expect(paths({}, undefined, '')).toEqual([]);
  });

  it('begins with the file that the user names, the input before the variable', () => {
    const env = { REGISTRY_AUTH_FILE: '/variable.json' };
    expect(namedFile('/input.json', env)?.path).toBe('/input.json');
    expect(namedFile(undefined, env)?.path).toBe('/variable.json');
    expect(namedFile(undefined, { REGISTRY_AUTH_FILE: '' })).toBeUndefined();
  });
});

describe('readVariable', () => {
  it('reads the logins of DOCKER_AUTH_CONFIG', () => {
    const config = readVariable({ DOCKER_AUTH_CONFIG: '{"auths":{"a.test":{}}}' });
    expect(config?.source).toBe('the variable DOCKER_AUTH_CONFIG');
    expect(config?.entries.has('a.test')).toBe(true);
    expect(readVariable({ DOCKER_AUTH_CONFIG: '' })).toBeUndefined();
    const { message } = thrown('CONFIG_INVALID', () => readVariable({ DOCKER_AUTH_CONFIG: 'hunter2' }));
    expect(message).toBe('the variable DOCKER_AUTH_CONFIG: it is not valid JSON');
  });
});

describe('readAuthFile', () => {
  const optional = (path: string): AuthFile => ({ path, format: 'config', need: 'optional' });
  const unexpected = (message: string) => {
    throw new Error(message);
  };

  it('takes an absent file for none, unless an input names it', async () => {
    const path = join(temporary(), 'absent.json');
    expect(await readAuthFile(optional(path), unexpected)).toBeUndefined();
    expect(await readAuthFile({ ...optional(path), need: 'must-be-readable' }, unexpected)).toBeUndefined();
    const { message } = await rejected(
      'CONFIG_INVALID',
      readAuthFile({ ...optional(path), need: 'must-exist' }, unexpected),
    );
    expect(message).toBe(`the file of logins ${path} does not exist`);
  });

  it('takes a file below a file for absent', async () => {
    expect(await readAuthFile(optional('/dev/null/config.json'), unexpected)).toBeUndefined();
  });

  it('reads what is empty and has no size', async () => {
    expect((await readAuthFile(optional('/dev/null'), unexpected))?.entries.size).toBe(0);
  });

  it('passes over what it cannot read, with a note, unless the user names it', async () => {
    const directory = temporary();
    const loop = join(directory, 'loop');
    symlinkSync(loop, loop);
    mkdirSync(join(directory, 'folder'));
    for (const [path, code] of [
      [loop, 'ELOOP'],
      [join(directory, 'folder'), 'EISDIR'],
    ] as const) {
      const notes: string[] = [];
      expect(await readAuthFile(optional(path), (note) => notes.push(note))).toBeUndefined();
      expect(notes).toEqual([`the file of logins ${path} cannot be read (${code}); going on without it`]);
      const needed = readAuthFile({ ...optional(path), need: 'must-be-readable' }, unexpected);
      expect((await rejected('CONFIG_INVALID', needed)).message).toContain(code);
    }
  });

  it('refuses what is far too large, whether it says so or not', async () => {
    const path = join(temporary(), 'large.json');
    writeFileSync(path, ' '.repeat(MAX_LOGINS_BYTES));
    expect(await readAuthFile(optional(path), unexpected)).toBeDefined();
    writeFileSync(path, ' '.repeat(MAX_LOGINS_BYTES + 1));
    for (const large of [path, '/dev/zero'])
      expect((await rejected('CONFIG_INVALID', readAuthFile(optional(large), unexpected))).message).toBe(
        `${large} is larger than ${MAX_LOGINS_BYTES} bytes`,
      );
  });
});
