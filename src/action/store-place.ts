// Where the chunk store of this job is.
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describeError } from '../errors.ts';
import { persistentDirectory } from './tool-directory.ts';

/** temporary: ends with the job. tool-cache: found by itself on a self-hosted runner. cache-dir: the user named it. */
export type StoreKind = 'temporary' | 'tool-cache' | 'cache-dir';

export interface StorePlace {
  readonly kind: StoreKind;
  /** Absolute. */
  readonly directory: string;
}

export interface StorePlaceOptions {
  /** The input cache-dir, absolute. */
  readonly cacheDirectory: string | undefined;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly log: (message: string) => void;
}

export async function chooseStorePlace({ cacheDirectory, env, log }: StorePlaceOptions): Promise<StorePlace> {
  if (cacheDirectory !== undefined) return { kind: 'cache-dir', directory: cacheDirectory };
  if (env.RUNNER_ENVIRONMENT === 'self-hosted' && env.RUNNER_TOOL_CACHE) {
    try {
      return { kind: 'tool-cache', directory: await persistentDirectory(env.RUNNER_TOOL_CACHE) };
    } catch (error) {
      log(`the tool cache cannot keep chunks, so they end with the job: ${describeError(error)}`);
    }
  }
  return { kind: 'temporary', directory: join(temporaryDirectory(env), 'oci-pull', 'store') };
}

/** RUNNER_TEMP, which the runner empties after every job. */
export function temporaryDirectory(env: StorePlaceOptions['env']): string {
  return env.RUNNER_TEMP || tmpdir();
}
