// Says that a registry will soon refuse, while there is still time to sign in.
import { count, formatDuration } from '../progress/figures.ts';
import type { Quota } from '../registry/quota.ts';

/** A matrix of a few jobs may need so many at once. */
const LOW = 10;

/** undefined: there is enough left. */
export function describeLowQuota(
  { remaining, limit, windowSeconds }: Quota,
  repository: string,
): string | undefined {
  if (remaining > LOW) return undefined;
  const registry = repository.split('/')[0];
  const window = windowSeconds === undefined ? '' : ` in ${formatWindow(windowSeconds)}`;
  return `${registry} allows ${count(remaining, 'more pull')} of ${limit}${window}; sign in, or use a mirror, for more`;
}

function formatWindow(seconds: number): string {
  return seconds % 3600 === 0 ? count(seconds / 3600, 'hour') : formatDuration(seconds * 1000);
}
