// Where the chunk store of this job is.
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describeError } from '../errors.ts';
import { checkUsable } from '../store/usable.ts';
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
  /** Told once what a user of the machine should mend. */
  readonly warn: (message: string) => void;
}

/** Never throws: what cannot be used is done without. */
export async function chooseStorePlace({
  cacheDirectory,
  env,
  warn,
}: StorePlaceOptions): Promise<StorePlace> {
  if (cacheDirectory !== undefined) return { kind: 'cache-dir', directory: cacheDirectory };
  if (env.RUNNER_ENVIRONMENT === 'self-hosted' && env.RUNNER_TOOL_CACHE) {
    try {
      const directory = await persistentDirectory(env.RUNNER_TOOL_CACHE);
      await checkUsable(directory);
      return { kind: 'tool-cache', directory };
    } catch (error) {
      warn(
        `the tool cache cannot keep chunks for this user, so they end with the job: ${describeError(error)}. ` +
          'Give the directory to the user that jobs run as, or set cache-dir to another one',
      );
    }
  }
  return { kind: 'temporary', directory: join(temporaryDirectory(env), 'oci-pull', 'store') };
}

/** RUNNER_TEMP, which the runner empties after every job. */
export function temporaryDirectory(env: StorePlaceOptions['env']): string {
  return env.RUNNER_TEMP || tmpdir();
}
