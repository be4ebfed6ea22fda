// From what the user typed to what a pull needs to know.
import { resolve } from 'node:path';
import { checkLogin } from '../auth/login.ts';
import { type ImageName, parseImageName, parseSeed } from '../oci/image-name.ts';
import { hostPlatform, parsePlatform } from '../oci/platform.ts';
import { parseFormat } from '../pull/formats.ts';
import { parseLimits } from '../pull/limits.ts';
import { checkMirrors } from '../pull/named-places.ts';
import type { NetworkSettings, PullOptions } from '../pull/options.ts';
import { checkPaths } from '../pull/parts.ts';
import { parseStoreSize } from '../pull/store-size.ts';
import type { PullArguments } from './arguments.ts';
import { defaultCacheDirectory, type Machine } from './cache-directory.ts';
import { readPassword } from './password.ts';

export interface Surroundings extends Machine {
  readonly cwd: string;
  /** Of the user; undefined on Windows. */
  readonly uid: number | undefined;
  /** Node's name of the processor architecture. */
  readonly arch: string;
  readonly stdin: AsyncIterable<Uint8Array | string>;
  /** Ends waiting for standard input. */
  readonly signal: AbortSignal;
}

/** Throws INPUT_INVALID or REFERENCE_INVALID. Standard input is read only for --password-stdin. */
export async function toPullOptions(
  args: PullArguments,
  surroundings: Surroundings,
): Promise<Omit<PullOptions, 'emit' | 'signal'>> {
  const { cwd } = surroundings;
  const paths = checkPaths(args.paths, '--path');
  const { verify, ownership } = args;
  const wishes = { format: args.format, load: args.load, paths, verify, ownership };
  const { format, load } = parseFormat(wishes, (name) => (name === 'paths' ? '--path' : `--${name}`));
  return {
    image: toAbsolute(parseImageName(args.image), cwd),
    seeds: args.seeds.map((seed) => toAbsolute(parseSeed(seed), cwd)),
    platform: args.platform === undefined ? hostPlatform(surroundings.arch) : parsePlatform(args.platform),
    destination: resolve(cwd, args.destination),
    ownership: args.ownership,
    paths,
    format,
    load,
    verify: args.verify,
    limits: parseLimits(args.limits, '--limit'),
    network: await readNetwork(args, surroundings),
    storeDirectory: resolve(cwd, args.cacheDirectory ?? defaultCacheDirectory(surroundings)),
    storeMaxBytes: parseStoreSize(args.cacheDirectoryMaxSize, '--cache-dir-max-size'),
    storeRead: args.cacheMode !== 'none',
    storeWrite: args.cacheMode === 'write',
    concurrency: args.concurrency,
  };
}

async function readNetwork(
  args: PullArguments,
  { cwd, env, home, uid, platform, stdin, signal }: Surroundings,
): Promise<NetworkSettings> {
  const path = (value: string | undefined) => (value === undefined ? undefined : resolve(cwd, value));
  const login = {
    username: args.username,
    password: args.passwordStdin ? await readPassword(stdin, signal) : undefined,
  };
  checkLogin(login);
  return {
    hosts: {
      tlsVerify: args.tlsVerify,
      mirrors: checkMirrors(args.mirrors),
      hostsDirectory: path(args.hostsDirectory),
      authorityFile: path(args.authorityFile),
      env,
      home,
      uid,
    },
    login,
    authFile: path(args.authFile),
    platform,
  };
}

/** What stands on this machine, from the working directory on. */
export function toAbsolute<Name extends ImageName>(name: Name, cwd: string): Name {
  return name.kind === 'registry' ? name : { ...name, path: resolve(cwd, name.path) };
}
