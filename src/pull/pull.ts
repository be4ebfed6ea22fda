// The order of the stages, and nothing else.
import { isAbsolute, relative } from 'node:path';
import type { RestoreReport } from '../cache/session.ts';
import { PullError } from '../errors.ts';
import { openImage } from './access.ts';
import { announcePlan, announceTallies } from './announce.ts';
import { Arrivals } from './arrivals.ts';
import { runAttempt } from './attempt.ts';
import { describeResult } from './describe-result.ts';
import { claimDestination, type Destination } from './destination.ts';
import { formOf } from './formats.ts';
import { loadImage, reachEngine } from './load.ts';
import type { PullOptions } from './options.ts';
import { checkMatches, learnMissing, type MissingByLayer, selectParts } from './parts.ts';
import { planLayers, readMetadata } from './prepare.ts';
import { acquirePrivileges } from './privileges.ts';
import { describeLowQuota } from './quota-note.ts';
import { type Lessons, learn } from './recover.ts';
import type { Finished } from './report.ts';
import { restorePacks, restoreRest } from './restore.ts';
import type { PullResult, Timings } from './result.ts';
import {
  closeSession,
  leaveStore,
  openSession,
  type PullSession,
  throwIfCancelled,
  warn,
  withCaching,
} from './session.ts';
import { renderSkipList, type SkippedSummary, summarizeSkips } from './skipped.ts';
import { keep, markPlanned } from './store-use.ts';

/**
 * Each attempt unpacks anew what lies below the detour. Two of a kind end that kind (a store that is wrong about two layers is not
 * asked again, an image with two lying layers is fetched whole), so that what is left is bad luck on the way.
 */
const MAX_ATTEMPTS = 10;

/** Makes a root file system of an image. Throws PullError; then the destination is as it was, and nothing was kept. */
export async function pull(options: PullOptions): Promise<PullResult> {
  const watch = new Stopwatch();
  const { format = 'rootfs' } = options;
  // Nobody needs to be root to write owners into an archive.
  const ownership = format === 'rootfs' ? options.ownership : 'runner';
  await using privileges = await acquirePrivileges({ ...options, ownership });
  const { removeTree, onStaged } = privileges;
  const destination = await claimDestination(options.destination, {
    removeTree,
    onStaged,
    form: formOf(format),
  });
  try {
    refuseNested(options);
    if (options.load) await reachEngine(options, options.load);
    options.emit({ kind: 'stage', stage: 'resolve' });
    const access = await openImage(options);
    watch.lap('resolve');
    try {
      const begun = await restorePacks(options, access);
      watch.lap('restore');
      await using arrivals = new Arrivals();
      arrivals.expect(begun?.arriving ?? []);
      let session = await openSession(options, access, { privileges, arrivals });
      if (access.image.remark !== undefined) warn(session, access.image.remark);
      try {
        let restored: RestoreReport | undefined;
        const run = async () => {
          restored = await restoreRest(session, begun);
          return fetchAndUnpack(session, destination, watch);
        };
        const finished = await run().catch(async (error: unknown) => {
          session = await leaveStore(session, error);
          await destination.reset();
          return run();
        });
        watch.lap('fetchAndUnpack');
        checkMatches(session, finished.part);
        const verdict = await access.judge();
        const packs = await keep(withCaching(session, verdict.caching), finished);
        noteQuota(session);
        noteRemarks(session);
        const result = describeResult(session, finished, { destination, packs, verdict, restored });
        if (options.load) await loadImage(options, options.load, destination.made);
        const about = { image: result.image, platform: result.platform, ownership: privileges.owner };
        const skipped = renderSkipList(finished.skipped, about);
        await destination.publish(about, { config: access.image.configBytes, skipped });
        watch.lap('finish');
        return { ...result, timings: watch.timings() };
      } finally {
        await closeSession(session);
      }
    } finally {
      await access.source.close();
    }
  } finally {
    await destination.discard();
  }
}

/** A store inside of the destination would be deleted with it, and the other way round a tree would be taken for chunks. */
function refuseNested({ destination, storeDirectory }: PullOptions): void {
  const isInside = (inner: string, outer: string) =>
    !/^\.\.(?:[\\/]|$)/.test(relative(outer, inner)) && !isAbsolute(relative(outer, inner));
  if (!isInside(storeDirectory, destination) && !isInside(destination, storeDirectory)) return;
  throw new PullError(
    'INPUT_INVALID',
    `the cache directory ${storeDirectory} and the destination ${destination} lie in one another`,
    {
      hint: 'Choose two directories that are apart.',
    },
  );
}

/** Tries again as long as a detour taught something: a damaged cache entry, damage on the way, a layer that lies about itself. */
async function fetchAndUnpack(
  session: PullSession,
  destination: Destination,
  watch: Stopwatch,
): Promise<Finished> {
  const lessons: Lessons = { whole: new Map(), refetched: new Set(), damagedInStore: new Set() };
  const missing: MissingByLayer = new Map();
  let losses = 0;
  for (let attempt = 1; attempt <= MAX_ATTEMPTS; attempt++) {
    throwIfCancelled(session);
    session.options.emit({ kind: 'stage', stage: 'plan' });
    await session.arrivals.giveUpLost(session.store, losses > 1);
    const described = await readMetadata(session, lessons.whole);
    const { metadata, parts } = await selectParts(session, described, missing);
    const plan = planLayers(session, metadata);
    await markPlanned(session, plan, metadata);
    announcePlan(session, plan, metadata, attempt);
    watch.lap('plan');
    session.options.emit({ kind: 'stage', stage: 'fetch' });
    const outcome = await runAttempt(session, { plan, metadata, missing, parts, root: destination.root });
    watch.lap('fetchAndUnpack');
    throwIfCancelled(session);
    if (outcome.kind === 'done') {
      await session.arrivals.settle(session.store);
      throwIfCancelled(session);
      const { skipped, part } = outcome.report;
      noteSkipped(session, summarizeSkips(skipped));
      const { layers, written } = outcome;
      const finished = { plan, metadata, layers, skipped, part, written };
      announceTallies(session, finished);
      return finished;
    }
    const why = outcome.kind === 'missing' ? `${outcome.entries.length} files` : outcome.reason;
    const message = `attempt ${attempt} took a detour: ${outcome.kind}, ${why}`;
    session.options.emit({ kind: 'debug', message });
    if (outcome.kind === 'missing') learnMissing(missing, outcome);
    else if (outcome.kind === 'lost') losses++;
    else await learn(session, outcome, { lessons, plan, metadata });
    await destination.reset();
  }
  throw new PullError(
    'DIGEST_MISMATCH',
    `${session.source.name}: damaged data kept arriving in ${MAX_ATTEMPTS} attempts`,
  );
}

function noteSkipped(session: PullSession, { count, first: [first] }: SkippedSummary): void {
  if (!first) return;
  const others = count > 1 ? ` and ${count - 1} more` : '';
  warn(session, `not everything could be created: ${first.path} (${first.reason})${others}`);
}

function noteQuota(session: PullSession): void {
  const note = session.source.quota && describeLowQuota(session.source.quota, session.image.repository);
  if (note) warn(session, note);
}

function noteRemarks(session: PullSession): void {
  for (const { kind, message } of session.source.remarks?.() ?? []) {
    if (kind === 'warning') warn(session, message);
    else session.options.emit({ kind, message });
  }
}

/** Wall time between laps, in milliseconds; laps of the same name add up. */
class Stopwatch {
  readonly #started = performance.now();
  readonly #laps = { resolve: 0, restore: 0, plan: 0, fetchAndUnpack: 0, finish: 0 };
  #last = this.#started;

  lap(name: keyof Omit<Timings, 'total'>): void {
    const now = performance.now();
    this.#laps[name] += now - this.#last;
    this.#last = now;
  }

  timings(): Timings {
    return { ...this.#laps, total: this.#last - this.#started };
  }
}
