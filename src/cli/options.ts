// From what the user typed to what a pull needs to know.
import { resolve } from 'node:path';
import type { Credential } from '../auth/credential.ts';
import { credentialFor } from '../auth/credential-for.ts';
import { hostPlatform, parsePlatform } from '../oci/platform.ts';
import { parseReference } from '../oci/reference.ts';
import { parseLimits } from '../pull/limits.ts';
import type { PullOptions } from '../pull/options.ts';
import type { PullArguments } from './arguments.ts';
import { defaultCacheDirectory, type Machine } from './cache-directory.ts';
import { readPassword } from './password.ts';

export interface Surroundings extends Machine {
  readonly cwd: string;
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
  const reference = parseReference(args.image);
  const platform =
    args.platform === undefined ? hostPlatform(surroundings.arch) : parsePlatform(args.platform);
  return {
    reference,
    platform,
    destination: resolve(surroundings.cwd, args.destination),
    ownership: args.ownership,
    limits: parseLimits(args.limits, '--limit'),
    credential: await readCredential(reference.registry, args, surroundings),
    tlsVerify: args.tlsVerify,
    storeDirectory: resolve(surroundings.cwd, args.cacheDirectory ?? defaultCacheDirectory(surroundings)),
    storeRead: args.cacheMode !== 'none',
    storeWrite: args.cacheMode === 'write',
    concurrency: args.concurrency,
  };
}

async function readCredential(
  registry: string,
  { username, passwordStdin }: PullArguments,
  { stdin, signal }: Surroundings,
): Promise<Credential | undefined> {
  return passwordStdin
    ? credentialFor(registry, { username, password: await readPassword(stdin, signal) })
    : undefined;
}
