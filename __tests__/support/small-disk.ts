// Disks of a few megabytes, mounted where nobody but a command sees them, for as long as it runs.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Why tests that mount a disk must be skipped; undefined: run them. Use: `describe.skipIf(skipMounts())(…)`. */
export function skipMounts(): string | undefined {
  if (process.platform !== 'linux') return 'only Linux mounts without an administrator';
  const place = mkdtempSync(join(tmpdir(), 'oci-pull-mount-'));
  const { status } = spawnSync('unshare', ['-rm', 'mount', '-t', 'tmpfs', 'tmpfs', place]);
  rmSync(place, { recursive: true });
  return status === 0 ? undefined : 'this user may not mount anything, not even where nobody else sees it';
}
