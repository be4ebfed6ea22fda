// Finds a program on PATH, the way Go does for Docker: never in the current directory, which may be a stranger's checkout.
import { constants } from 'node:fs';
import { access, stat } from 'node:fs/promises';
import { isAbsolute, join } from 'node:path';

export interface ProgramSearch {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly platform: NodeJS.Platform;
}

/** Absolute path; undefined: it is not there. `name` without directory and without `.exe`. */
export async function findProgram(
  name: string,
  { env, platform }: ProgramSearch,
): Promise<string | undefined> {
  const isWindows = platform === 'win32';
  const file = isWindows && !name.toLowerCase().endsWith('.exe') ? `${name}.exe` : name;
  for (const directory of pathOf(env, isWindows).split(isWindows ? ';' : ':')) {
    const path = join(directory, file);
    if (isAbsolute(directory) && (await isProgram(path))) return path;
  }
  return undefined;
}

/** Windows writes `Path`, and a copy of process.env has lost that its names are of any case. */
function pathOf(env: ProgramSearch['env'], isWindows: boolean): string {
  const name = isWindows ? Object.keys(env).find((key) => key.toUpperCase() === 'PATH') : 'PATH';
  return (name && env[name]) || '';
}

async function isProgram(path: string): Promise<boolean> {
  try {
    await access(path, constants.X_OK);
    return (await stat(path)).isFile();
  } catch {
    return false;
  }
}
