// umoci, the unpacker of another hand that stacks are compared with.
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { digestOf } from '../../src/integrity/hash.ts';
import { isRoot } from '../support/tree.ts';
import { writeLayout } from '../support/write-layout.ts';
import type { Stack } from './entry.ts';
import { refuseDangerous } from './umoci-differences.ts';

const LAYER = 'application/vnd.oci.image.layer.v1.tar';
/** The version that the table of differences is about. */
const KNOWN = /^umoci version 0\.4\.7/;

/** Owners and devices need root. */
export const hasUmoci = isRoot() && isInstalled();

function isInstalled(): boolean {
  try {
    return KNOWN.test(execFileSync('umoci', ['--version'], { encoding: 'utf8' }));
  } catch {
    return false;
  }
}

/** Unpacks into `place`/deep/rootfs, where `place` is made anew. Returns that path, or what umoci complained of. */
export function unpackWithUmoci(
  place: string,
  stack: Stack,
  tars: readonly Buffer[],
): { root: string } | { complaint: string } {
  refuseDangerous(stack);
  rmSync(place, { recursive: true, force: true });
  mkdirSync(join(place, 'deep/er'), { recursive: true });
  const layers = tars.map((tar, index) => {
    const isPlain = index % 2 === 0;
    const blob = isPlain ? tar : gzipSync(tar, { level: 1 });
    return { blob, mediaType: isPlain ? LAYER : `${LAYER}+gzip`, diffId: digestOf(tar) };
  });
  writeLayout(join(place, 'layout'), 'it', layers);
  const root = join(place, 'deep/er/rootfs');
  const run = spawnSync('umoci', ['raw', 'unpack', '--image', `${join(place, 'layout')}:it`, root], {
    encoding: 'utf8',
    timeout: 30_000,
  });
  return run.status === 0 ? { root } : { complaint: `status ${run.status}: ${run.stderr}${run.stdout}` };
}
