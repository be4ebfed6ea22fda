// The post phase: uploads what the main phase found to be new. It never fails the job.
import * as core from '@actions/core';
import { type SavePlan, type SaveReport, saveToCache } from '../cache/save.ts';
import { createToolkitCache } from '../cache/toolkit-backend.ts';
import { describeError } from '../errors.ts';
import { count, formatBytes } from '../progress/figures.ts';
import { forLog } from './plain-text.ts';
import { loadForPost } from './state.ts';
import { temporaryDirectory } from './store-place.ts';

export async function runPost(signal: AbortSignal): Promise<void> {
  try {
    const plan = loadForPost();
    if (plan) await save(plan, signal);
    else core.info('Nothing new for the cache');
  } catch (error) {
    core.info(`Nothing was saved: ${forLog(describeError(error))}`);
  }
}

async function save(plan: SavePlan, signal: AbortSignal): Promise<void> {
  const tempDirectory = temporaryDirectory(process.env);
  const log = (message: string) => core.info(forLog(message));
  const cache = createToolkitCache({ tempDirectory, log });
  const started = Date.now();
  core.startGroup('Save new chunks to the cache');
  const report = await saveToCache(plan, { cache, tempDirectory, now: new Date(), signal, log });
  core.endGroup();
  tell(report, Date.now() - started);
}

function tell(report: SaveReport, milliseconds: number): void {
  const uploaded = `${count(report.uploadedPacks, 'pack')}, ${formatBytes(report.uploadedBytes)}`;
  const text = `${forLog(report.message)} (uploaded ${uploaded} in ${(milliseconds / 1000).toFixed(1)} s)`;
  // Most jobs that upload nothing have merely lost a race, which is not worth an annotation in each of them.
  if (report.kind === 'incomplete' && report.uploadedPacks > 0)
    core.notice(`The cache was not updated: ${text}`);
  else core.info(text);
}
