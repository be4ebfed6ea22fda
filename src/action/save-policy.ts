// Whether what a pull has brought is worth entries of the Actions cache. Pure.
import { needsSave, newBytes, repairs, type SavePlan } from '../cache/save-plan.ts';
import { formatBytes } from '../progress/figures.ts';
import type { RequestedCacheMode } from './inputs.ts';
import type { SaveSettings } from './save-settings.ts';

export interface SaveFacts {
  readonly requested: RequestedCacheMode;
  /** GITHUB_REF: what a job of a pull request saves, only jobs of the same pull request can read. */
  readonly ref: string;
  readonly settings: SaveSettings;
}

/** `level`: how loud the reason is told; undefined where there is nothing to tell. */
export type SaveDecision =
  | { readonly save: true }
  | { readonly save: false; readonly level?: 'info' | 'notice'; readonly reason?: string };

/**
 * What one pull request may add with `auto` where the cache has something to start from: a pack. More would push out what all others
 * share, for the few jobs that see it.
 */
export const MAX_PULL_REQUEST_BYTES = 64 << 20;

export function decideSave(plan: SavePlan, { requested, ref, settings }: SaveFacts): SaveDecision {
  if (!needsSave(plan)) return { save: false };
  const whole = plan.livePacks.reduce((sum, { size }) => sum + size, 0);
  const added = newBytes(plan);
  if (whole > settings.maxBytes)
    return notSaved(
      'notice',
      `the image takes ${formatBytes(whole)} there, and cache-save-limit is ${formatBytes(settings.maxBytes)}`,
    );
  if (added < settings.minBytes && !repairs(plan))
    return notSaved(
      'info',
      `${formatBytes(added)} of new data is less than cache-min-size, ${formatBytes(settings.minBytes)}`,
    );
  const isShared = requested !== 'auto' || !ref.startsWith('refs/pull/');
  if (isShared || plan.restored.headKey === undefined || added <= MAX_PULL_REQUEST_BYTES)
    return { save: true };
  return notSaved(
    'info',
    `${formatBytes(added)} of new data is more than a pull request adds with cache-mode auto, since only its own jobs could read it`,
  );
}

function notSaved(level: 'info' | 'notice', why: string): SaveDecision {
  return { save: false, level, reason: `Nothing is saved to the Actions cache: ${why}` };
}
