// What is kept for registries that look like one for which nothing was found: a missing port, another namespace, a typing error.
import { distance } from 'fastest-levenshtein';
import type { AuthConfig } from './auth-config.ts';

const MAX_NAMED = 5;
/** More edits make another host, not a slip of the pen. */
const MAX_EDITS = 2;

/** `FILE has one for A and B`, for each source that has any; keys in their canonical form, which holds no secret. Pure. */
export function nearMisses(configs: readonly AuthConfig[], registry: string): readonly string[] {
  return configs.flatMap(({ source, entries, helpers }) => {
    const keys = new Set([...entries.keys(), ...helpers.keys()]);
    const near = [...keys].filter((key) => isNear(key, registry)).slice(0, MAX_NAMED);
    return near.length === 0 ? [] : [`${source} has one for ${near.join(', ')}`];
  });
}

/** `key`: `registry` or `registry/namespace`; what is kept for the very registry would have been taken. */
function isNear(key: string, registry: string): boolean {
  const [host = ''] = key.split('/');
  if (host === registry) return key !== registry;
  const [a, b] = [withoutPort(host), withoutPort(registry)];
  return a === b || a.endsWith(`.${b}`) || b.endsWith(`.${a}`) || distance(a, b) <= MAX_EDITS;
}

function withoutPort(host: string): string {
  return host.replace(/:\d+$/, '');
}
