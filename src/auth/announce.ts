// Tells a runner what it has to keep out of the job's log.
import type { Credential } from './credential.ts';

/** A mask of a few characters, as the braces of a key in JSON, would take the rest of the log apart. */
export const MIN_ANNOUNCED_LINE = 16;

/**
 * The secrets in a credential, in every form in which they are sent. Of a secret of several lines (keys of service accounts)
 * each that is long enough, because runners mask line by line.
 */
export function secretsOf(credential: Credential): readonly string[] {
  if (credential.kind !== 'password') return lines(credential.token);
  const { username, password } = credential;
  if (password === '') return [];
  return [...lines(password), Buffer.from(`${username}:${password}`).toString('base64')];
}

function lines(secret: string): readonly string[] {
  const all = secret.split(/[\r\n]+/);
  return all.length === 1 ? all : all.filter((line) => line.length >= MIN_ANNOUNCED_LINE);
}
