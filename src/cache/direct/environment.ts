// Which cache service the runner offers to this job, as @actions/cache reads the environment.
// https://github.com/actions/toolkit/blob/main/packages/cache/src/internal/config.ts
import type { Environment } from '../../http/proxy.ts';

export interface ServiceAccess {
  /** ACTIONS_RESULTS_URL */
  readonly service: URL;
  /** ACTIONS_RUNTIME_TOKEN */
  readonly token: string;
  /** What ACTIONS_CACHE_MODE leaves to this job. */
  readonly mayRead: boolean;
  readonly mayWrite: boolean;
}

const MODES: Readonly<Record<string, { readonly mayRead: boolean; readonly mayWrite: boolean }>> = {
  none: { mayRead: false, mayWrite: false },
  read: { mayRead: true, mayWrite: false },
  write: { mayRead: true, mayWrite: true },
  'write-only': { mayRead: false, mayWrite: true },
};

/** Access to a service of version 2, or why there is none. */
export function findService(env: Environment): ServiceAccess | string {
  if (isEnterpriseServer(env.GITHUB_SERVER_URL)) return 'GITHUB_SERVER_URL names a GitHub Enterprise Server';
  if (!env.ACTIONS_CACHE_SERVICE_V2) return 'ACTIONS_CACHE_SERVICE_V2 is not set';
  const text = env.ACTIONS_RESULTS_URL ?? '';
  if (text === '') return 'ACTIONS_RESULTS_URL is not set';
  if (!URL.canParse(text) || !/^https?:$/.test(new URL(text).protocol))
    return 'ACTIONS_RESULTS_URL is no URL';
  const token = env.ACTIONS_RUNTIME_TOKEN ?? '';
  if (!/^[\x21-\x7e]+$/.test(token)) return 'ACTIONS_RUNTIME_TOKEN is not set';
  const mode = (env.ACTIONS_CACHE_MODE ?? '').trim().toLowerCase();
  const rights = Object.hasOwn(MODES, mode) ? MODES[mode] : undefined;
  return { service: new URL(text), token, ...(rights ?? { mayRead: true, mayWrite: true }) };
}

/** Is there a service of any version? As isFeatureAvailable of @actions/cache; says nothing about what the token may do. */
export function isCacheServiceAvailable(env: Environment): boolean {
  const isVersion2 = !isEnterpriseServer(env.GITHUB_SERVER_URL) && env.ACTIONS_CACHE_SERVICE_V2;
  return Boolean(isVersion2 ? env.ACTIONS_RESULTS_URL : env.ACTIONS_CACHE_URL);
}

function isEnterpriseServer(text: string | undefined): boolean {
  if (!text) return false;
  if (!URL.canParse(text)) return true;
  const host = new URL(text).hostname.trimEnd().toLowerCase();
  return !(host === 'github.com' || host.endsWith('.ghe.com') || host.endsWith('.localhost'));
}
