// Runs a plan: several connections fetch its groups, front first, and write what is kept to where the plan wants it.
import { PullError } from '../errors.ts';
import type { Descriptor } from '../oci/descriptor.ts';
import type { FetchGroup } from '../plan/fetch-plan.ts';
import type { Emit } from '../progress/events.ts';
import type { BlobBody, ImageSource } from '../source/source.ts';
import type { StagedPack } from '../store/staged-pack.ts';
import type { ProgressBoard } from '../workers/progress-board.ts';
import { GroupWriter } from './group-writer.ts';
import type { LayerTally } from './tally.ts';

export interface TransferContext {
  readonly source: ImageSource;
  /** By layer. */
  readonly descriptors: readonly Descriptor[];
  readonly tallies: readonly LayerTally[];
  readonly pack: (number: number) => Promise<StagedPack>;
  /** One counter for each group: kept bytes written. */
  readonly board: ProgressBoard;
  readonly concurrency: number;
  readonly emit: Emit;
  readonly signal: AbortSignal;
}

interface Group extends FetchGroup {
  readonly id: number;
}

/** A layer whose first answer shows whether the server honours ranges; the others wait for that one round trip. */
interface Probe {
  readonly settled: Promise<void>;
  /** All groups of the layer come out of the first answer. */
  whole: boolean;
}

/** Settles when every group is written. The first failure stops all the others and is thrown. */
export async function transfer(groups: readonly FetchGroup[], context: TransferContext): Promise<void> {
  const stop = new AbortController();
  const signal = AbortSignal.any([context.signal, stop.signal]);
  const queue = groups.map((group, id) => ({ ...group, id }));
  const probes = new Map<number, Probe>();
  const run = async () => {
    for (let group = queue.shift(); group; group = queue.shift()) {
      await fetchGroup(group, { ...context, signal, probes, all: groups });
    }
  };
  const runners = Array.from({ length: Math.min(context.concurrency, queue.length) }, () =>
    run().catch((error: unknown) => {
      stop.abort();
      throw error;
    }),
  );
  await firstFailure(runners);
}

type GroupContext = TransferContext & {
  readonly probes: Map<number, Probe>;
  readonly all: readonly FetchGroup[];
};

async function fetchGroup(group: Group, context: GroupContext): Promise<void> {
  const probe = context.probes.get(group.layer);
  if (!probe) return fetchFirst(group, context);
  await probe.settled;
  if (probe.whole) return;
  await distribute(await open(group, context), [group], context);
}

async function fetchFirst(group: Group, context: GroupContext): Promise<void> {
  const opened = Promise.withResolvers<void>();
  const probe: Probe = { settled: opened.promise, whole: false };
  context.probes.set(group.layer, probe);
  try {
    const body = await open(group, context);
    probe.whole = body.range.end !== group.range.end || body.range.start !== group.range.start;
    opened.resolve();
    const wanted = probe.whole ? groupsOf(group.layer, context.all) : [group];
    await distribute(body, wanted, context);
  } finally {
    opened.resolve();
  }
}

function open(group: Group, context: GroupContext): Promise<BlobBody> {
  (context.tallies[group.layer] as LayerTally).requests++;
  return context.source.openBlob(context.descriptors[group.layer] as Descriptor, group.range, context.signal);
}

function groupsOf(layer: number, all: readonly FetchGroup[]): Group[] {
  return all.flatMap((group, id) => (group.layer === layer ? [{ ...group, id }] : []));
}

/**
 * `groups`: ascending, all inside of the body's range. Reads no further than the last of them. Throws RESPONSE_INVALID for
 * a body that ends before: whoever waits for its bytes would wait for ever.
 */
async function distribute(body: BlobBody, groups: readonly Group[], context: GroupContext): Promise<void> {
  let next = 0;
  let writer = await createWriter(groups[next] as Group, context);
  let position = body.range.start;
  for await (const bytes of body.chunks) {
    (context.tallies[writer.layer] as LayerTally).bytes += bytes.length;
    context.emit({ kind: 'received', bytes: bytes.length });
    while (await writer.accept(bytes, position)) {
      const following = groups[++next];
      if (!following) return;
      writer = await createWriter(following, context);
    }
    position += bytes.length;
  }
  const { digest } = context.descriptors[writer.layer] as Descriptor;
  throw new PullError(
    'RESPONSE_INVALID',
    `blob ${digest} ended at byte ${position}, before what was asked for`,
  );
}

async function createWriter(group: Group, context: GroupContext): Promise<GroupWriter> {
  const pack = await context.pack(group.pack);
  return new GroupWriter(group, pack, (bytes) => context.board.add(group.id, bytes));
}

/** Waits for all, so that nothing writes any more, and throws what failed first rather than the aborts that followed. */
async function firstFailure(runners: readonly Promise<void>[]): Promise<void> {
  let first: { error: unknown } | undefined;
  await Promise.all(
    runners.map((runner) =>
      runner.catch((error: unknown) => {
        first ??= { error };
      }),
    ),
  );
  if (first) throw first.error;
}
