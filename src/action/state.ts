// What the main phase leaves for the post phase. No secrets: the runner hands it over as plain environment variables.
import { isAbsolute } from 'node:path';
import { getState, saveState } from '@actions/core';
import { type CacheBackend, isCacheBackend } from '../cache/choose-backend.ts';
import { isHeadPack, MAX_PACKS } from '../cache/head.ts';
import { isCacheKeyPrefix, isPackKey } from '../cache/keys.ts';
import type { RestoredState } from '../cache/remote-session.ts';
import type { SavePlan } from '../cache/save-plan.ts';
import { isJsonRecord } from '../oci/json.ts';
import type { PackFile } from '../store/pack-file.ts';
import { MAX_TARGETS } from './targets.ts';

const VERSION = 1;
/** Linux takes 128 KiB for one environment variable: MAX_ARG_STRLEN, execve(2). */
export const MAX_STATE_BYTES = 100 * 1024;

/** One bundle serves both phases: the state of the first tells which this is. */
export function markMainPhase(): void {
  saveState('isPost', 'true');
}

export function isPostPhase(): boolean {
  return getState('isPost') === 'true';
}

export interface PostWork {
  /** Which the post phase is to use. */
  readonly backend: CacheBackend;
  /** What it may take. */
  readonly deadlineMs: number;
  readonly plan: SavePlan;
}

/** Each is a variable of its own, as one has a limit. Returns false where one of them is too large to be handed over. */
export function saveForPost(works: readonly PostWork[]): boolean {
  const texts = works.map(formatPostWork);
  const short = texts.filter((text) => Buffer.byteLength(text) <= MAX_STATE_BYTES);
  for (const [index, text] of short.entries()) saveState(`save${index}`, text);
  return short.length === texts.length;
}

export function loadForPost(): readonly PostWork[] {
  const works: PostWork[] = [];
  for (let index = 0; index < MAX_TARGETS; index++) {
    const work = parsePostWork(getState(`save${index}`));
    if (!work) break;
    works.push(work);
  }
  return works;
}

export function formatPostWork({ backend, deadlineMs, plan }: PostWork): string {
  const { prefix, restored, newPacks, livePacks } = plan;
  const newKeys = newPacks.map((pack) => pack.key);
  return JSON.stringify({ version: VERSION, backend, deadlineMs, prefix, restored, newKeys, livePacks });
}

/** undefined for anything that formatPostWork does not write. */
export function parsePostWork(text: string): PostWork | undefined {
  if (text === '') return undefined;
  try {
    return toPostWork(JSON.parse(text));
  } catch {
    return undefined;
  }
}

function toPostWork(value: unknown): PostWork | undefined {
  if (!isJsonRecord(value) || value.version !== VERSION) return undefined;
  const { backend, deadlineMs } = value;
  const plan = toSavePlan(value);
  if (!plan || typeof backend !== 'string' || !isCacheBackend(backend)) return undefined;
  return typeof deadlineMs === 'number' && deadlineMs > 0 ? { backend, deadlineMs, plan } : undefined;
}

function toSavePlan(value: Record<string, unknown>): SavePlan | undefined {
  const { prefix, newKeys, livePacks } = value;
  const restored = toRestored(value.restored);
  if (typeof prefix !== 'string' || !isCacheKeyPrefix(prefix) || !restored) return undefined;
  if (!isListOf(livePacks, isPackFile) || !isListOf(newKeys, isKey)) return undefined;
  const newPacks = livePacks.filter((pack) => newKeys.includes(pack.key));
  return { prefix, restored, newPacks, livePacks };
}

function toRestored(value: unknown): RestoredState | undefined {
  if (!isJsonRecord(value) || !isJsonRecord(value.image)) return undefined;
  const { headKey, form, packs } = value;
  const { repository, manifestDigest, platform } = value.image;
  if (!isListOf(packs, isListedPack)) return undefined;
  if (!isText(repository) || !isText(manifestDigest) || !isText(platform)) return undefined;
  if (headKey !== undefined && !isText(headKey)) return undefined;
  if (form !== undefined && form !== 'raw' && form !== 'archive') return undefined;
  const image = { repository, manifestDigest, platform };
  return { image, ...(headKey === undefined ? {} : { headKey }), ...(form ? { form } : {}), packs };
}

function isListedPack(value: unknown): value is RestoredState['packs'][number] {
  return (
    isJsonRecord(value) && isKey(value.key) && ['fetched', 'local', 'unusable'].includes(String(value.fate))
  );
}

function isListOf<T>(value: unknown, isItem: (item: unknown) => item is T): value is T[] {
  return Array.isArray(value) && value.length <= MAX_PACKS && value.every(isItem);
}

function isPackFile(value: unknown): value is PackFile {
  return isHeadPack(value) && isJsonRecord(value) && typeof value.path === 'string' && isAbsolute(value.path);
}

function isKey(value: unknown): value is string {
  return typeof value === 'string' && isPackKey(value);
}

function isText(value: unknown): value is string {
  return typeof value === 'string' && value !== '' && value.length <= 1024;
}
