// The post phase: uploads what the main phase found to be new. It never fails the job.
import * as core from '@actions/core';
import type { EntryForm } from '../cache/blob-cache.ts';
import { type SaveReport, saveToCache } from '../cache/save.ts';
import { describeError } from '../errors.ts';
import { count, formatBytes } from '../progress/figures.ts';
import { openActionsCache } from './actions-cache.ts';
import { forLog } from './plain-text.ts';
import { levelOf } from './save-level.ts';
import { loadForPost, type PostWork } from './state.ts';
import { temporaryDirectory } from './store-place.ts';

export async function runPost(signal: AbortSignal): Promise<void> {
  try {
    const works = loadForPost();
    if (works.length === 0) core.info('Nothing new for the cache');
    // One after the other: what the first has uploaded the others find there.
    for (const work of works) await save(work, signal);
  } catch (error) {
    core.info(`Nothing was saved: ${forLog(describeError(error))}`);
  }
}

async function save({ backend, deadlineMs, plan }: PostWork, signal: AbortSignal): Promise<void> {
  const tempDirectory = temporaryDirectory(process.env);
  const log = (message: string) => core.info(forLog(message));
  const cache = openActionsCache(backend, log);
  const started = Date.now();
  core.startGroup('Save new chunks to the cache');
  const report = await saveToCache(plan, { cache, tempDirectory, now: new Date(), deadlineMs, signal, log });
  core.endGroup();
  await cache.close();
  tell(report, cache.form, Date.now() - started);
}

function tell(report: SaveReport, form: EntryForm, milliseconds: number): void {
  const uploaded = `${count(report.uploadedPacks, 'pack')}, ${formatBytes(report.uploadedBytes)}`;
  const text = `${forLog(report.message)} (uploaded ${uploaded} in ${(milliseconds / 1000).toFixed(1)} s)`;
  const level = levelOf(report, form, process.env.GITHUB_EVENT_NAME ?? '');
  if (level === 'warning') core.warning(`The cache was not updated: ${text}`);
  else if (level === 'notice') core.notice(`The cache was not updated: ${text}`);
  else core.info(text);
}
