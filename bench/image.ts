// Builds the reference image once: a Debian base, Debian packages on top, a large node_modules on top of that; and an
// update of all three. The result is an OCI layout with gzip layers and the tags v1 and v2, and the layers as plain tars.
import { existsSync } from 'node:fs';
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { layerBlobs } from './layout.ts';
import * as list from './packages.ts';
import { missing, quote, run, say, which } from './shell.ts';

/** Where the pieces of a built image are. */
export interface ImagePaths {
  readonly directory: string;
  /** OCI layout of a format. */
  layout(format: string): string;
  /** A layer as an uncompressed tar; layers count from 0. */
  tar(version: list.Version, layer: number): string;
}

export function imagePaths(directory: string): ImagePaths {
  return {
    directory,
    layout: (format) => join(directory, format),
    tar: (version, layer) => join(directory, 'tar', `${version}-${layer}.tar`),
  };
}

/** Builds what is not there yet. Throws when a tool is missing or this is not root. */
export async function buildImage(paths: ImagePaths): Promise<void> {
  if (existsSync(paths.layout('gzip'))) return;
  const absent = missing('debootstrap', 'umoci', 'npm', 'gzip', 'chroot', 'unshare');
  if (absent.length > 0)
    throw new Error(`to build the image, install ${absent.join(', ')}; or use --image synthetic`);
  if (process.getuid?.() !== 0)
    throw new Error('only root can build the image; others can use --image synthetic');
  const build = join(paths.directory, 'build');
  await rm(build, { recursive: true, force: true });
  await mkdir(build, { recursive: true });
  const layout = join(build, 'layout');
  await run(['umoci', 'init', '--layout', layout]);
  await debootstrap(join(build, 'base'));
  for (const version of list.VERSIONS) await buildVersion(build, version);
  await run(['umoci', 'gc', '--layout', layout]);
  await writeTars(paths, layout);
  await rename(layout, paths.layout('gzip'));
  await rm(build, { recursive: true, force: true });
}

async function debootstrap(directory: string): Promise<void> {
  say(`debootstrap ${list.DEBIAN_SUITE}`);
  await run(['debootstrap', '--variant=minbase', list.DEBIAN_SUITE, directory, list.DEBIAN_MIRROR]);
}

async function buildVersion(build: string, version: list.Version): Promise<void> {
  const image = `${join(build, 'layout')}:${version}`;
  const bundle = join(build, `bundle-${version}`);
  const root = join(bundle, 'rootfs');
  await run(['umoci', 'new', '--image', image]);
  await run(['umoci', 'unpack', '--image', image, bundle]);
  const commit = (what: string) => commitLayer({ image, bundle, root, what });

  await run(['cp', '-a', `${join(build, 'base')}/.`, root]);
  await writeFile(join(root, 'etc/apt/sources.list'), `${list.DEBIAN_SOURCES[version].join('\n')}\n`);
  await apt(root, ['upgrade']);
  await commit(`${version}: Debian base`);
  await apt(root, ['install', ...list.DEBIAN_PACKAGES]);
  await commit(`${version}: Debian packages`);
  await npmInstall(join(root, 'srv/app'), version);
  await commit(`${version}: node_modules`);
  await rm(bundle, { recursive: true });
}

async function apt(root: string, command: readonly string[]): Promise<void> {
  say(`apt-get ${command.join(' ')}`);
  // Programs of the image need a resolver; the image does not.
  await writeFile(join(root, 'etc/resolv.conf'), await readFile('/etc/resolv.conf'));
  const env = { DEBIAN_FRONTEND: 'noninteractive', LC_ALL: 'C', PATH: '/usr/sbin:/usr/bin:/sbin:/bin' };
  const get = `apt-get -q update && apt-get -qy --no-install-recommends ${command.join(' ')}`;
  // A mount namespace of its own: the mounts are gone when the command ends, however it ends.
  const mounts = `mount --rbind /dev ${quote(join(root, 'dev'))} && mount -t proc proc ${quote(join(root, 'proc'))}`;
  await run(['unshare', '--mount', 'sh', '-c', `${mounts} && exec chroot ${quote(root)} sh -c '${get}'`], {
    env,
  });
}

async function npmInstall(directory: string, version: list.Version): Promise<void> {
  say(`npm install (${version})`);
  await mkdir(directory, { recursive: true });
  const manifest = { name: 'app', private: true, dependencies: list.NPM_PACKAGES[version] };
  await writeFile(join(directory, 'package.json'), `${JSON.stringify(manifest, undefined, 2)}\n`);
  const flags = ['--ignore-scripts', '--legacy-peer-deps', '--omit=optional', '--no-audit', '--no-fund'];
  await run(['npm', 'install', ...flags, `--before=${list.NPM_BEFORE}`], { cwd: directory });
}

interface Commit {
  readonly image: string;
  readonly bundle: string;
  readonly root: string;
  readonly what: string;
}

/** What the last layer did not have becomes a layer. */
async function commitLayer({ image, bundle, root, what }: Commit): Promise<void> {
  say(`layer: ${what}`);
  const r = quote(root);
  // Leave out what differs from build to build, and device nodes, which only root could unpack.
  const leaveOut = 'dev/* run/* tmp/* var/log/* var/cache/* var/lib/apt/lists/* etc/resolv.conf etc/hostname';
  await run(['sh', '-c', `cd ${r} && rm -rf ${leaveOut}`]);
  await run(['sh', '-c', `find ${r} -newermt ${list.EPOCH} -print0 | xargs -0r touch -h -d ${list.EPOCH}`]);
  await run(['umoci', 'repack', '--refresh-bundle', '--image', image, bundle]);
}

async function writeTars(paths: ImagePaths, layout: string): Promise<void> {
  await mkdir(join(paths.directory, 'tar'), { recursive: true });
  const gzip = which('pigz') ?? 'gzip';
  for (const version of list.VERSIONS) {
    const blobs = await layerBlobs(layout, version);
    for (const [layer, blob] of blobs.entries())
      await run(['sh', '-c', `${gzip} -dc ${quote(blob.path)} > ${quote(paths.tar(version, layer))}`]);
  }
}
