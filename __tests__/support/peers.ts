// Programs of others that read what this one writes.
import { execFileSync } from 'node:child_process';

/**
 * Why tests that need the program must be skipped; undefined: run them. In CI they always run, so that a missing program fails there.
 */
export function skipWithout(...programs: readonly string[]): string | undefined {
  if (process.env.CI) return undefined;
  const missing = programs.find((program) => !isThere(program));
  return missing === undefined ? undefined : `${missing} is not on PATH`;
}

function isThere(program: string): boolean {
  try {
    execFileSync(program, ['--version'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

/** Standard output. Throws with what the program complained of. */
export function run(program: string, ...args: readonly string[]): string {
  return execFileSync(program, args, {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
    maxBuffer: 1 << 26,
  });
}
