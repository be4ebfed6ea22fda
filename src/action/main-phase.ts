// The main phase: inputs in, a pull, outputs and a summary out, and a note for the post phase.
import { appendFile } from 'node:fs/promises';
import * as core from '@actions/core';
import { RemoteCacheSession } from '../cache/remote-session.ts';
import { needsSave, type SavePlan } from '../cache/save.ts';
import { createToolkitCache, isCacheServiceAvailable } from '../cache/toolkit-backend.ts';
import { describeError } from '../errors.ts';
import type { Caching, PullOptions } from '../pull/options.ts';
import type { PullResult } from '../pull/result.ts';
import { type CacheDecision, decideCache } from './cache-policy.ts';
import { reportFailure } from './failure.ts';
import { type ActionInputs, readInputs } from './inputs.ts';
import { setOutputs } from './outputs.ts';
import { forLog } from './plain-text.ts';
import { createReporter } from './reporter.ts';
import { markMainPhase, saveForPost } from './state.ts';
import { chooseStorePlace, type StorePlace, temporaryDirectory } from './store-place.ts';
import { headline, renderSummary } from './summary.ts';
import { readVisibility } from './visibility.ts';

export type Pull = (options: PullOptions) => Promise<PullResult>;

/** Runs the action's main phase. A failure becomes an annotation and the exit code; it throws nothing. */
export async function runMain(pull: Pull, signal: AbortSignal): Promise<void> {
  markMainPhase();
  try {
    const inputs = readInputs({ get: core.getInput, mask: core.setSecret, env: process.env });
    await pullAndReport(pull, inputs, signal);
  } catch (error) {
    reportFailure(error);
  }
}

async function pullAndReport(pull: Pull, inputs: ActionInputs, signal: AbortSignal): Promise<void> {
  const { cacheDirectory } = inputs;
  const place = await chooseStorePlace({ cacheDirectory, env: process.env, log: core.info });
  const decisions = {
    usual: await decide(inputs, { place, isRestricted: false }),
    restricted: await decide(inputs, { place, isRestricted: true }),
  };
  core.info(decisions.usual.reason);
  const session = decisions.usual.remoteRead ? openSession(inputs, signal) : undefined;
  const reporter = createReporter();
  let result: PullResult;
  try {
    result = await pull({
      ...inputs,
      storeDirectory: place.directory,
      ...toCaching(decisions.usual, session),
      restricted: toCaching(decisions.restricted, session),
      temporaryDirectory: temporaryDirectory(process.env),
      onSecret: core.setSecret,
      emit: reporter.emit,
      signal,
    });
  } finally {
    reporter.close();
  }
  core.info(forLog(headline(result)));
  setOutputs(result);
  await writeSummary(renderSummary(result));
  const decision = result.isRestricted ? decisions.restricted : decisions.usual;
  if (decision !== decisions.usual) core.info(decision.reason);
  if (decision.remoteWrite) leaveForPost(savePlan(inputs, result, session));
}

function toCaching(decision: CacheDecision, session: RemoteCacheSession | undefined): Caching {
  const { storeRead, storeWrite, remoteRead } = decision;
  return { storeRead, storeWrite, cache: remoteRead ? session : undefined };
}

async function decide(
  inputs: ActionInputs,
  { place, isRestricted }: { place: StorePlace; isRestricted: boolean },
): Promise<CacheDecision> {
  return decideCache({
    requested: inputs.cacheMode,
    jobMode: process.env.ACTIONS_CACHE_MODE ?? '',
    serviceAvailable: isCacheServiceAvailable(),
    isRestricted,
    visibility: await readVisibility(process.env.GITHUB_EVENT_PATH),
    store: place.kind,
  });
}

function openSession(inputs: ActionInputs, signal: AbortSignal): RemoteCacheSession {
  const log = (message: string) => core.info(forLog(message));
  const cache = createToolkitCache({ tempDirectory: temporaryDirectory(process.env), log });
  return new RemoteCacheSession({ cache, prefix: inputs.cacheKeyPrefix, log, signal });
}

function savePlan(
  inputs: ActionInputs,
  result: PullResult,
  session: RemoteCacheSession | undefined,
): SavePlan {
  const image = { repository: result.repository, manifestDigest: result.digest, platform: result.platform };
  const restored = session?.restored ?? { image, packs: [] };
  const { newPacks, livePacks } = result;
  return { prefix: inputs.cacheKeyPrefix, restored, newPacks, livePacks };
}

function leaveForPost(plan: SavePlan): void {
  if (needsSave(plan) && !saveForPost(plan))
    core.info('the list of packs is too long to be handed to the post phase; nothing will be saved');
}

/** A summary that cannot be written is no reason to fail. */
async function writeSummary(markdown: string): Promise<void> {
  const file = process.env.GITHUB_STEP_SUMMARY;
  if (!file) return;
  await appendFile(file, markdown).catch((error: unknown) => core.debug(describeError(error)));
}
