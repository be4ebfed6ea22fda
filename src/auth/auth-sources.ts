// Where this machine keeps logins, in the order they are asked, and reading them.
import { constants } from 'node:fs';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { PullError } from '../errors.ts';
import { type AuthConfig, type AuthFormat, parseAuthConfig } from './auth-config.ts';

export interface Machine {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly home: string;
  /** Of the user; undefined on Windows. */
  readonly uid: number | undefined;
}

export interface AuthFile {
  readonly path: string;
  readonly format: AuthFormat;
  /** What becomes of a file that is absent or may not be read. A file named by an input must be there. */
  readonly need: 'must-exist' | 'must-be-readable' | 'optional';
}

/** Real files stay below some 100 kB. */
export const MAX_LOGINS_BYTES = 1024 * 1024;
const VARIABLE = 'DOCKER_AUTH_CONFIG';

/** The file the user named, which is asked before all others: an input, else $REGISTRY_AUTH_FILE, which a later login may yet write. */
export function namedFile(authFile: string | undefined, env: Machine['env']): AuthFile | undefined {
  if (authFile) return { path: authFile, format: 'config', need: 'must-exist' };
  const path = env.REGISTRY_AUTH_FILE;
  return path ? { path, format: 'config', need: 'must-be-readable' } : undefined;
}

/** Files that login steps leave: those of podman, skopeo and buildah, then Docker's. */
export function foundFiles({ env, home, uid }: Machine): readonly AuthFile[] {
  const config = env.XDG_CONFIG_HOME || (home && join(home, '.config'));
  const docker = env.DOCKER_CONFIG || (home && join(home, '.docker'));
  const directories = [
    env.XDG_RUNTIME_DIR && join(env.XDG_RUNTIME_DIR, 'containers'),
    uid === undefined ? '' : `/run/containers/${uid}`,
    config && join(config, 'containers'),
  ];
  const paths = [
    ...directories.map((directory) => directory && join(directory, 'auth.json')),
    docker && join(docker, 'config.json'),
  ];
  const files: AuthFile[] = [];
  for (const path of paths) if (path) files.push({ path, format: 'config', need: 'optional' });
  if (home) files.push({ path: join(home, '.dockercfg'), format: 'dockercfg', need: 'optional' });
  return files;
}

/** Docker, and GitLab's runner, take logins from a variable as well. undefined: it is not set. Throws CONFIG_INVALID. */
export function readVariable(env: Machine['env']): AuthConfig | undefined {
  const text = env[VARIABLE];
  return text ? parseAuthConfig(text, `the variable ${VARIABLE}`, 'logins-only') : undefined;
}

/**
 * undefined: there is no such file, or it may be skipped and cannot be read, which is told to `note`.
 * Throws CONFIG_INVALID for a file that is malformed or far too large, or that is needed and cannot be read.
 */
export async function readAuthFile(
  file: AuthFile,
  note: (message: string) => void,
): Promise<AuthConfig | undefined> {
  let text: string;
  try {
    text = await readCapped(file.path);
  } catch (error) {
    if (error instanceof PullError) throw error;
    const { code } = error as NodeJS.ErrnoException;
    const isAbsent = code === 'ENOENT' || code === 'ENOTDIR';
    if (isAbsent && file.need !== 'must-exist') return undefined;
    const message = isAbsent
      ? `the file of logins ${file.path} does not exist`
      : `the file of logins ${file.path} cannot be read (${code})`;
    if (file.need !== 'optional') throw new PullError('CONFIG_INVALID', message, { cause: error });
    note(`${message}; going on without it`);
    return undefined;
  }
  return parseAuthConfig(text, file.path, file.format);
}

/** Also of what has no size beforehand, as a pipe that a shell made. */
async function readCapped(path: string): Promise<string> {
  await using handle = await open(path, constants.O_RDONLY);
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of handle.createReadStream({ autoClose: false })) {
    chunks.push(chunk);
    bytes += chunk.length;
    if (bytes > MAX_LOGINS_BYTES)
      throw new PullError('CONFIG_INVALID', `${path} is larger than ${MAX_LOGINS_BYTES} bytes`, {
        hint: 'A file of logins is never that large; see whether the right file is named.',
      });
  }
  return Buffer.concat(chunks).toString('utf8');
}
