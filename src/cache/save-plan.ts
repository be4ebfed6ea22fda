// What a finished pull leaves to be saved, and what of it is new. Pure.
import type { PackFile } from '../store/pack-file.ts';
import { MAX_PACKS } from './head.ts';
import * as keys from './keys.ts';
import type { RestoredState } from './remote-session.ts';

/** What a finished pull leaves to be saved. */
export interface SavePlan {
  readonly prefix: string;
  readonly restored: RestoredState;
  readonly newPacks: readonly PackFile[];
  readonly livePacks: readonly PackFile[];
}

/**
 * Leaves out the packs that hold something of other images: whoever can read the cache could read it there. A pack that came out of this
 * very cache shows nobody anything new. The next pull fetches what is missing. `mixed`: keys.
 */
export function withoutMixed(plan: SavePlan, mixed: ReadonlySet<string> = new Set()): SavePlan {
  const { restored, newPacks, livePacks } = plan;
  const fetched = new Set(restored.packs.filter(({ fate }) => fate === 'fetched').map(({ key }) => key));
  for (const { key } of newPacks) fetched.delete(key);
  const isOpen = ({ key }: PackFile) => !mixed.has(key) || fetched.has(key);
  return { ...plan, newPacks: newPacks.filter(isOpen), livePacks: livePacks.filter(isOpen) };
}

/** Would a save change anything? Costs no request. */
export function needsSave(plan: SavePlan): boolean {
  const { headKey, image, packs } = plan.restored;
  if (plan.livePacks.length === 0 || plan.livePacks.length > MAX_PACKS) return false;
  if (plan.newPacks.length > 0 || headKey === undefined) return true;
  const usable = new Set(packs.filter(({ fate }) => fate !== 'unusable').map(({ key }) => key));
  const exact = keys.matchHeadKey(headKey, plan.prefix, image)?.match === 'exact';
  return !exact || plan.livePacks.some((pack) => !usable.has(pack.key));
}

/** Bytes of the packs that are not in the cache as far as the restore has seen. */
export function newBytes({ newPacks, livePacks, restored }: SavePlan): number {
  const fresh = new Set(newPacks.map(({ key }) => key));
  const there = new Set(restored.packs.filter(({ fate }) => fate !== 'unusable').map(({ key }) => key));
  return livePacks
    .filter(({ key }) => fresh.has(key) || !there.has(key))
    .reduce((sum, { size }) => sum + size, 0);
}

/** Was something of this very image found that cannot be used, and would be found again? */
export function repairs({ prefix, restored, newPacks }: SavePlan): boolean {
  const { headKey, image, packs } = restored;
  if (headKey === undefined || keys.matchHeadKey(headKey, prefix, image)?.match !== 'exact') return false;
  return newPacks.length > 0 || packs.some(({ fate }) => fate === 'unusable');
}
