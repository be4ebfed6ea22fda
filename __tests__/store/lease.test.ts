import { spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { leaseName, processSpace, readLeases, takeLease } from '../../src/store/lease.ts';
import { leasesDirectory } from '../../src/store/places.ts';
import { temporaryDirectories } from '../support/temporary.ts';

const newDirectory = temporaryDirectories();
const HOUR = 60 * 60 * 1000;
const ELSEWHERE = '0123456789abcdef';

/** A store with a lease of this process, but for the changes, whose last heartbeat was so long ago. */
function storeWith(change: { pid?: number; space?: string }, ageMs: number): string {
  const directory = newDirectory();
  mkdirSync(leasesDirectory(directory), { recursive: true });
  const holder = { started: 1, pid: process.pid, space: processSpace(), ...change };
  const path = join(leasesDirectory(directory), leaseName(holder));
  writeFileSync(path, '');
  const then = (Date.now() - ageMs) / 1000;
  utimesSync(path, then, then);
  return directory;
}

/** The number of a process that has ended. */
function deadPid(): number {
  return spawnSync('true').pid;
}

describe('a lease', () => {
  it('is held from when it is taken until it is given back', async () => {
    const directory = newDirectory();
    const before = Date.now();
    const lease = await takeLease(directory);
    const [found] = await readLeases(directory);
    expect(found).toMatchObject({ id: lease.id, isHeld: true });
    expect(found?.started).toBeGreaterThanOrEqual(before);
    await lease[Symbol.asyncDispose]();
    expect([await readLeases(directory), readdirSync(leasesDirectory(directory))]).toEqual([[], []]);
  });

  it('of a process that was killed is not held', async () => {
    const directory = newDirectory();
    const module = join(import.meta.dirname, '../../src/store/lease.ts');
    const code = `
      const { takeLease } = await import(${JSON.stringify(module)});
      await takeLease(${JSON.stringify(directory)});
      process.kill(process.pid, 'SIGKILL');`;
    spawnSync(process.execPath, ['--no-warnings', '--input-type=module', '-e', code]);
    expect(await readLeases(directory)).toMatchObject([{ isHeld: false }]);
  });

  it.each([
    ['of this process, whose last heartbeat was hours ago', {}, 5 * HOUR, true],
    ['of this process, with a heartbeat of the day before yesterday', {}, 48 * HOUR, false],
    ['of a process that has ended, fresh', { pid: deadPid() }, 0, false],
    ['of another machine, fresh', { space: ELSEWHERE }, 0, true],
    [
      'of another machine, with a number that is nobody’s here',
      { space: ELSEWHERE, pid: deadPid() },
      0,
      true,
    ],
    ['of another machine, without a heartbeat for long', { space: ELSEWHERE }, 2 * HOUR, false],
  ])('%s', async (_, change, age, isHeld) => {
    expect(await readLeases(storeWith(change, age))).toMatchObject([{ isHeld, started: 1 }]);
  });

  it('is not what has another name, or is no file', async () => {
    const directory = storeWith({}, 0);
    const names = ['x', `${leaseName({ started: 1, pid: 1, space: ELSEWHERE })}.tmp`];
    for (const name of names) writeFileSync(join(leasesDirectory(directory), name), '');
    mkdirSync(join(leasesDirectory(directory), leaseName({ started: 1, pid: 1, space: ELSEWHERE })));
    expect(await readLeases(directory)).toHaveLength(1);
  });
});
