// The main phase: inputs in, a pull, outputs and a summary out, and a note for the post phase.
import { appendFile } from 'node:fs/promises';
import * as core from '@actions/core';
import type { OpenCache } from '../cache/choose-backend.ts';
import { isCacheServiceAvailable } from '../cache/direct/environment.ts';
import { RemoteCacheSession } from '../cache/remote-session.ts';
import { withoutMixed } from '../cache/save-plan.ts';
import { describeError, PullError } from '../errors.ts';
import { formatPlatform } from '../oci/platform.ts';
import { count } from '../progress/figures.ts';
import { isOurs } from '../pull/destination-record.ts';
import type { Caching, PullOptions } from '../pull/options.ts';
import type { PullResult } from '../pull/result.ts';
import { openActionsCache, warnOnce } from './actions-cache.ts';
import { type CacheDecision, decideCache } from './cache-policy.ts';
import { reportFailure } from './failure.ts';
import { type ActionInputs, readInputs } from './inputs.ts';
import { setOutputs } from './outputs.ts';
import { forLog } from './plain-text.ts';
import { createReporter } from './reporter.ts';
import { decideSave } from './save-policy.ts';
import { markMainPhase, type PostWork, saveForPost } from './state.ts';
import { chooseStorePlace, type StorePlace, temporaryDirectory } from './store-place.ts';
import { headline, renderSummary } from './summary.ts';
import type { Target } from './targets.ts';
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
  const place = await chooseStorePlace({ cacheDirectory, env: process.env, warn: toWarning });
  const decisions = {
    usual: await decide(inputs, { place, isRestricted: false }),
    restricted: await decide(inputs, { place, isRestricted: true }),
  };
  const isOpen = decisions.usual.reason !== decisions.restricted.reason;
  core.info(`${decisions.usual.reason}${isOpen ? ', unless the image turns out to need a credential' : ''}`);
  const job: Job = {
    pull,
    inputs,
    place,
    decisions,
    isOpen,
    signal,
    cache: openCache(inputs, decisions.usual),
  };
  const done: Done[] = [];
  try {
    await refuseTree(inputs);
    for (const target of inputs.targets) done.push(await pullTarget(job, target, done.length));
  } finally {
    await job.cache?.close();
    // Trees that stand are told of, also where one after them failed.
    if (done.length > 0) setOutputs(done.map(({ result }) => result));
  }
  leaveForPost(
    inputs,
    done.flatMap(({ work }) => work ?? []),
  );
}

/** Several trees are not to end up inside of one that an earlier step has made at the same destination. */
async function refuseTree({ targets, destination }: ActionInputs): Promise<void> {
  if (targets.length < 2 || !(await isOurs(destination))) return;
  throw new PullError(
    'DESTINATION_UNSAFE',
    `destination ${destination} is what an earlier pull has made of one image; several images need a directory that holds them all`,
    { hint: 'Remove it, or choose another destination.' },
  );
}

interface Job {
  readonly pull: Pull;
  readonly inputs: ActionInputs;
  readonly place: StorePlace;
  /** For an image that everybody may pull, and for any other. */
  readonly decisions: { readonly usual: CacheDecision; readonly restricted: CacheDecision };
  /** Is it only known after the pull which of them counts? */
  readonly isOpen: boolean;
  readonly signal: AbortSignal;
  /** Absent where nothing is read from the cache service. */
  readonly cache: OpenCache | undefined;
}

interface Done {
  readonly result: PullResult;
  /** Absent where nothing may be written to the cache service. */
  readonly work: PostWork | undefined;
}

async function pullTarget(job: Job, { image, platform, place, text }: Target, index: number): Promise<Done> {
  const { inputs, decisions, signal } = job;
  const { targets, destination: _, ...settings } = inputs;
  const session = job.cache && openSession(job.cache, inputs, signal);
  if (targets.length > 1)
    core.info(
      forLog(`Image ${index + 1} of ${targets.length}: ${text} for ${formatPlatform(platform)}, to ${place}`),
    );
  const reporter = createReporter();
  let result: PullResult;
  try {
    result = await job.pull({
      ...settings,
      image,
      platform,
      destination: place,
      storeDirectory: job.place.directory,
      // What ends with the job is not worth tidying, and post still needs it.
      storeMaxBytes: job.place.kind === 'temporary' ? undefined : inputs.cacheDirectoryMaxBytes,
      uploadsFromSharedStore:
        job.place.kind !== 'temporary' && (decisions.usual.remoteWrite || decisions.restricted.remoteWrite),
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
  await writeSummary(renderSummary(result));
  const decision = result.isRestricted ? decisions.restricted : decisions.usual;
  if (decision !== decisions.usual && job.isOpen) core.notice(forLog(decision.reason));
  return { result, work: decision.remoteWrite ? postWork(job, result, session) : undefined };
}

function toWarning(message: string): void {
  core.warning(forLog(message));
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
    serviceAvailable: isCacheServiceAvailable(process.env),
    isRestricted,
    visibility: await readVisibility(process.env.GITHUB_EVENT_PATH),
    store: place.kind,
    hasSeveral: inputs.targets.length > 1,
  });
}

function openCache({ cacheBackend }: ActionInputs, usual: CacheDecision): OpenCache | undefined {
  return usual.remoteRead ? openActionsCache(cacheBackend, warnOnce()) : undefined;
}

function openSession(
  cache: OpenCache,
  { cacheKeyPrefix: prefix, cacheScope: scope }: ActionInputs,
  signal: AbortSignal,
): RemoteCacheSession {
  const log = (message: string) => core.info(forLog(message));
  return new RemoteCacheSession({ cache, prefix, scope, log, signal });
}

function postWork(
  { inputs, cache }: Job,
  result: PullResult,
  session: RemoteCacheSession | undefined,
): PostWork {
  const image = { repository: result.repository, manifestDigest: result.digest, platform: result.platform };
  const restored = session?.restored ?? { image, packs: [] };
  const { newPacks, livePacks, mixedPacks } = result;
  const plan = withoutMixed({ prefix: inputs.cacheKeyPrefix, restored, newPacks, livePacks }, mixedPacks);
  const left = livePacks.length - plan.livePacks.length;
  if (left > 0)
    core.info(`${count(left, 'pack')} of the store hold other images, too, and will not be saved`);
  // A service that surprised this phase would surprise the next one.
  const backend = cache?.form === 'archive' ? 'toolkit' : inputs.cacheBackend;
  const { deadlineMs } = inputs.saving;
  return { backend, deadlineMs, plan };
}

function leaveForPost({ cacheMode: requested, saving: settings }: ActionInputs, works: readonly PostWork[]) {
  const ref = process.env.GITHUB_REF ?? '';
  const wanted = works.filter(({ plan }) => {
    const decision = decideSave(plan, { requested, ref, settings });
    if (!decision.save && decision.reason)
      (decision.level === 'notice' ? core.notice : core.info)(forLog(decision.reason));
    return decision.save;
  });
  if (!saveForPost(wanted))
    core.info('a list of packs is too long to be handed to the post phase; that image will not be saved');
}

/** A summary that cannot be written is no reason to fail. */
async function writeSummary(markdown: string): Promise<void> {
  const file = process.env.GITHUB_STEP_SUMMARY;
  if (!file) return;
  await appendFile(file, markdown).catch((error: unknown) => core.debug(describeError(error)));
}
