// The main phase: inputs in, a pull, outputs and a summary out, and a note for the post phase.
import { appendFile } from 'node:fs/promises';
import * as core from '@actions/core';
import type { OpenCache } from '../cache/choose-backend.ts';
import { isCacheServiceAvailable } from '../cache/direct/environment.ts';
import { RemoteCacheSession } from '../cache/remote-session.ts';
import { needsSave } from '../cache/save.ts';
import { describeError } from '../errors.ts';
import type { Caching, PullOptions } from '../pull/options.ts';
import type { PullResult } from '../pull/result.ts';
import { openActionsCache, warnOnce } from './actions-cache.ts';
import { type CacheDecision, decideCache } from './cache-policy.ts';
import { reportFailure } from './failure.ts';
import { type ActionInputs, readInputs } from './inputs.ts';
import { setOutputs } from './outputs.ts';
import { forLog } from './plain-text.ts';
import { createReporter } from './reporter.ts';
import { markMainPhase, type PostWork, saveForPost } from './state.ts';
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
  const isOpen = decisions.usual.reason !== decisions.restricted.reason;
  core.info(`${decisions.usual.reason}${isOpen ? ', unless the image turns out to need a credential' : ''}`);
  const remote = decisions.usual.remoteRead ? openRemote(inputs, signal) : undefined;
  const reporter = createReporter();
  let result: PullResult;
  try {
    result = await pull({
      ...inputs,
      storeDirectory: place.directory,
      ...toCaching(decisions.usual, remote),
      restricted: toCaching(decisions.restricted, remote),
      temporaryDirectory: temporaryDirectory(process.env),
      onSecret: core.setSecret,
      emit: reporter.emit,
      signal,
    });
  } finally {
    reporter.close();
    await remote?.cache.close();
  }
  core.info(forLog(headline(result)));
  setOutputs(result);
  await writeSummary(renderSummary(result));
  const decision = result.isRestricted ? decisions.restricted : decisions.usual;
  if (decision !== decisions.usual && isOpen) core.notice(forLog(decision.reason));
  if (decision.remoteWrite) leaveForPost(postWork(inputs, result, remote));
}

interface Remote {
  readonly cache: OpenCache;
  readonly session: RemoteCacheSession;
}

function toCaching(decision: CacheDecision, remote: Remote | undefined): Caching {
  const { storeRead, storeWrite, remoteRead } = decision;
  return { storeRead, storeWrite, cache: remoteRead ? remote?.session : undefined };
}

async function decide(
  inputs: ActionInputs,
  { place, isRestricted }: { place: StorePlace; isRestricted: boolean },
): Promise<CacheDecision> {
  return decideCache({
    requested: inputs.cacheMode,
    jobMode: process.env.ACTIONS_CACHE_MODE ?? '',
    serviceAvailable: isCacheServiceAvailable(process.env),
    isRestricted,
    visibility: await readVisibility(process.env.GITHUB_EVENT_PATH),
    store: place.kind,
  });
}

function openRemote({ cacheBackend, cacheKeyPrefix: prefix }: ActionInputs, signal: AbortSignal): Remote {
  const cache = openActionsCache(cacheBackend, warnOnce());
  const log = (message: string) => core.info(forLog(message));
  return { cache, session: new RemoteCacheSession({ cache, prefix, log, signal }) };
}

function postWork(inputs: ActionInputs, result: PullResult, remote: Remote | undefined): PostWork {
  const image = { repository: result.repository, manifestDigest: result.digest, platform: result.platform };
  const restored = remote?.session.restored ?? { image, packs: [] };
  const { newPacks, livePacks } = result;
  // A service that surprised this phase would surprise the next one.
  const backend = remote?.cache.form === 'archive' ? 'toolkit' : inputs.cacheBackend;
  return { backend, plan: { prefix: inputs.cacheKeyPrefix, restored, newPacks, livePacks } };
}

function leaveForPost(work: PostWork): void {
  if (needsSave(work.plan) && !saveForPost(work))
    core.info('the list of packs is too long to be handed to the post phase; nothing will be saved');
}

/** A summary that cannot be written is no reason to fail. */
async function writeSummary(markdown: string): Promise<void> {
  const file = process.env.GITHUB_STEP_SUMMARY;
  if (!file) return;
  await appendFile(file, markdown).catch((error: unknown) => core.debug(describeError(error)));
}
