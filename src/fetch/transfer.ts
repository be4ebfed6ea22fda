// Runs a plan: several connections fetch its groups, front first, and write what is kept to where the plan wants it.
import { type ByteRange, rangeLength } from '../bytes/range.ts';
import { PullError } from '../errors.ts';
import type { Descriptor } from '../oci/descriptor.ts';
import type { FetchGroup } from '../plan/fetch-plan.ts';
import type { Emit } from '../progress/events.ts';
import type { BlobBody, ImageSource } from '../source/source.ts';
import type { StagedPack } from '../store/staged-pack.ts';
import type { ProgressBoard } from '../workers/progress-board.ts';
import { nothing, requestedRange, withTail } from './group-body.ts';
import { GroupWriter } from './group-writer.ts';
import { LayerAnswers, type NumberedGroup } from './layer-answers.ts';
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

/** Settles when every group is written. The first failure stops all the others and is thrown. */
export async function transfer(groups: readonly FetchGroup[], context: TransferContext): Promise<void> {
  const stop = new AbortController();
  const signal = AbortSignal.any([context.signal, stop.signal]);
  const all = groups.map((group, id) => ({ ...group, id }));
  const answers = new Map(
    Map.groupBy(all, ({ layer }) => layer)
      .entries()
      .map(([layer, own]) => [layer, new LayerAnswers(own)]),
  );
  const shared = { ...context, signal, answers, probes: new Map<number, Promise<void>>() };
  const queue = all.values();
  const run = async () => {
    for (const group of queue) await fetchGroup(group, shared);
  };
  const runners = Array.from({ length: Math.min(context.concurrency, all.length) }, () =>
    run().catch((error: unknown) => {
      stop.abort();
      throw error;
    }),
  );
  await firstFailure(runners);
}

type GroupContext = TransferContext & {
  readonly answers: ReadonlyMap<number, LayerAnswers>;
  /** By layer: settles once its first answer has come. */
  readonly probes: Map<number, Promise<void>>;
};

/**
 * Until a range of the layer has been answered with just that range, by now or when its table of contents was read, its other groups
 * wait for the first one: a server that sends the whole blob should not do so on all connections at once. Afterwards nobody waits,
 * and a whole answer is dealt with when it comes. What one layer shows says nothing of the next: hosts behind one name differ, and
 * a cache in between may send whole what it has not got yet.
 */
async function fetchGroup(group: NumberedGroup, context: GroupContext): Promise<void> {
  const opened = Promise.withResolvers<void>();
  try {
    if (context.tallies[group.layer]?.ranges === 0) {
      const probe = context.probes.get(group.layer);
      if (!probe) context.probes.set(group.layer, opened.promise);
      await probe;
    }
    await fetchUnlessBrought(group, context, opened.resolve);
  } finally {
    opened.resolve();
  }
}

/** `onAnswer`: is called once it is known what the answer holds. */
async function fetchUnlessBrought(
  group: NumberedGroup,
  context: GroupContext,
  onAnswer: () => void,
): Promise<void> {
  const answers = context.answers.get(group.layer) as LayerAnswers;
  const range = requestedRange(group);
  if (answers.isWhole) return replan(context, -rangeLength(range));
  if (rangeLength(range) === 0)
    return distribute(withTail(group, nothing()), answers.claim(group, false), context);
  const { layer } = group;
  const [tally, descriptor] = [
    context.tallies[layer] as LayerTally,
    context.descriptors[layer] as Descriptor,
  ];
  const cancel = new AbortController();
  tally.requests++;
  const body = await context.source.openBlob(
    descriptor,
    range,
    AbortSignal.any([context.signal, cancel.signal]),
  );
  const isWhole = body.range.start !== range.start || body.range.end !== range.end;
  // A request for the whole of a blob says nothing about ranges.
  if (!isWhole && rangeLength(range) < descriptor.size) tally.ranges++;
  const claimed = answers.claim(group, isWhole);
  onAnswer();
  if (isWhole || claimed.length === 0) replan(context, bytesToCome(body.range, claimed) - rangeLength(range));
  const received = counted(body.chunks, tally, context);
  if (claimed.length === 0) cancel.abort();
  else
    await distribute(isWhole ? { ...body, chunks: received } : withTail(group, received), claimed, context);
}

/** What is read of an answer that is not just what was asked for, or is not needed any more. */
function bytesToCome({ start }: ByteRange, claimed: readonly NumberedGroup[]): number {
  return Math.max(0, (claimed.at(-1)?.range.end ?? start) - start);
}

function replan({ emit }: TransferContext, bytes: number): void {
  if (bytes !== 0) emit({ kind: 'replanned', bytes });
}

async function* counted(
  chunks: AsyncIterable<Uint8Array>,
  tally: LayerTally,
  { emit }: TransferContext,
): AsyncGenerator<Uint8Array> {
  for await (const bytes of chunks) {
    tally.bytes += bytes.length;
    emit({ kind: 'received', bytes: bytes.length });
    yield bytes;
  }
}

/**
 * `groups`: ascending, all inside of the body's range. Reads no further than the last of them. Throws RESPONSE_INVALID for
 * a body that ends before: whoever waits for its bytes would wait for ever.
 */
async function distribute(
  body: BlobBody,
  groups: readonly NumberedGroup[],
  context: TransferContext,
): Promise<void> {
  let next = 0;
  let writer = await createWriter(groups[next] as NumberedGroup, context);
  let position = body.range.start;
  for await (const bytes of body.chunks) {
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

async function createWriter(group: NumberedGroup, context: TransferContext): Promise<GroupWriter> {
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
