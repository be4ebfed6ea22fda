// Starts this program's root process through sudo, where that asks for no password.
import { type ChildProcessByStdio, spawn } from 'node:child_process';
import type { Readable, Writable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { findTool } from '../unpack/host-tools.ts';

export type Child = ChildProcessByStdio<Writable, Readable, Readable>;

/** Why there is no way to become root from here; undefined: sudo may be asked. */
export function whyNoSudo(platform: NodeJS.Platform = process.platform): string | undefined {
  if (platform !== 'linux') return 'going through sudo works on Linux only';
  return findTool('sudo') === undefined ? 'there is no sudo on this machine' : undefined;
}

/**
 * A session of its own keeps signals of a terminal away: this process decides when that one ends. The environment, which may hold
 * secrets, stays here, whatever sudo is configured to keep.
 */
export function spawnAsRoot(): Child {
  const command = [process.execPath, fileURLToPath(elevatedScript())];
  return spawn(findTool('sudo') ?? 'sudo', ['-n', '-u', 'root', '--', ...command], {
    cwd: '/',
    env: { PATH: '/usr/sbin:/usr/bin:/sbin:/bin', LC_ALL: 'C' },
    stdio: ['pipe', 'pipe', 'pipe'],
    detached: true,
  });
}

/** Bundled, it lies beside this file; in a checkout it is the door of that name. */
function elevatedScript(): URL {
  return import.meta.url.endsWith('.ts')
    ? new URL('../elevated.ts', import.meta.url)
    : new URL('./elevated.js', import.meta.url);
}
