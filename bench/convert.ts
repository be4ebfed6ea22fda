// Makes the zstd and zstd:chunked forms of the reference image from the gzip one, with a skopeo that writes tar-split.
import { existsSync } from 'node:fs';
import { rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { ImagePaths } from './image.ts';
import { VERSIONS } from './packages.ts';
import { missing, quote, run, say, which } from './shell.ts';

export const FORMATS = ['gzip', 'zstd', 'zstd-chunked'] as const;
export type Format = (typeof FORMATS)[number];

const CONVERTED: readonly { format: Format; compression: string }[] = [
  { format: 'zstd', compression: 'zstd' },
  { format: 'zstd-chunked', compression: 'zstd:chunked' },
];

/** Where the work directory is mounted inside of the other Debian. */
const INSIDE = '/mnt';

/** Runs a skopeo command line whose layouts are named relative to a directory. */
type Skopeo = (directory: string, args: readonly string[]) => Promise<unknown>;

/** Converts what is not there yet. Throws when no new enough skopeo can be had. */
export async function convertImage(paths: ImagePaths, chroot: string): Promise<void> {
  const wanted = CONVERTED.filter(({ format }) => !existsSync(paths.layout(format)));
  if (wanted.length === 0) return;
  const skopeo = await newSkopeo(chroot);
  for (const { format, compression } of wanted) {
    const partial = `${format}.partial`;
    await rm(join(paths.directory, partial), { recursive: true, force: true });
    const how = ['--dest-compress-format', compression];
    for (const version of VERSIONS) {
      say(`${compression}: ${version}`);
      await skopeo(paths.directory, [
        'copy',
        '-q',
        ...how,
        `oci:gzip:${version}`,
        `oci:${partial}:${version}`,
      ]);
    }
    await rename(join(paths.directory, partial), paths.layout(format));
  }
}

/** This machine's skopeo if it writes tar-split (1.16 and later do), else that of a Debian trixie in `chroot`. */
async function newSkopeo(chroot: string): Promise<Skopeo> {
  const [, major = '0', minor = '0'] = (await skopeoVersion()).match(/(\d+)\.(\d+)/) ?? [];
  if (Number(major) > 1 || Number(minor) >= 16)
    return (directory, args) => run(['skopeo', '--insecure-policy', ...args], { cwd: directory });
  await makeChroot(chroot);
  return (directory, args) => {
    // A mount namespace of its own: the mount is gone when the command ends, however it ends.
    const enter = `mount --bind ${quote(directory)} ${quote(chroot + INSIDE)} && exec chroot ${quote(chroot)}`;
    const command = `cd ${INSIDE} && exec skopeo --insecure-policy ${args.map(quote).join(' ')}`;
    return run(['unshare', '--mount', 'sh', '-c', `${enter} sh -c ${quote(command)}`]);
  };
}

async function skopeoVersion(): Promise<string> {
  return which('skopeo') === undefined ? '' : run(['skopeo', '--version']);
}

async function makeChroot(directory: string): Promise<void> {
  const absent = missing('unshare', 'chroot', 'mount');
  if (absent.length > 0) throw new Error(`for zstd:chunked, install ${absent.join(', ')}`);
  if (existsSync(join(directory, 'usr/bin/skopeo'))) return;
  if (missing('debootstrap').length > 0) throw new Error('for zstd:chunked, install debootstrap');
  say(`debootstrap trixie into ${directory}`);
  const partial = `${directory}.partial`;
  await rm(partial, { recursive: true, force: true });
  // skopeo wants any network stack; debootstrap has to be told which.
  await run(['debootstrap', '--variant=minbase', '--include=skopeo,netavark', 'trixie', partial]);
  await rename(partial, directory);
}
