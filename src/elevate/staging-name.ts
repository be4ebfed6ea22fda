// Names of the directories beside a destination in which trees are made and taken apart. Root touches no others.
import { randomBytes } from 'node:crypto';
import { basename, dirname, join } from 'node:path';

const STAGING_NAME = /^\..+\.oci-pull-[0-9a-f]{12}(\.old)?$/s;

/** What the names of all staging directories of a destination begin with. */
export function stagingPrefix(destination: string): string {
  return `.${basename(destination)}.oci-pull-`;
}

/** A new one, beside the destination. */
export function newStagingPath(destination: string): string {
  return join(dirname(destination), stagingPrefix(destination) + randomBytes(6).toString('hex'));
}

/** Where an earlier tree waits for its removal while the one from `staging` takes its place. */
export function oldTreePath(staging: string): string {
  return `${staging}.old`;
}

export function isStagingName(name: string): boolean {
  return STAGING_NAME.test(name);
}
