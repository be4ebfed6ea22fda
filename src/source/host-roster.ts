// The hosts of an image in the order to ask them: who serves what, who failed, who is not asked any more in this pull.
import { PullError } from '../errors.ts';
import type { RegistryHost } from '../hosts/registry-host.ts';
import { factOf, HttpError, reworded } from '../http/http-error.ts';
import type { Tell } from '../http/tell.ts';
import type { Digest } from '../oci/digest.ts';
import type { RegistryClient } from '../registry/client.ts';
import { judge } from './host-failure.ts';
import type { HostFigures, Remark } from './source.ts';
import { hintAtDigests } from './tag-hint.ts';

/** One of several that serve the image. */
export interface SourceHost {
  readonly host: RegistryHost;
  readonly client: RegistryClient;
  /** Nobody stands in for the last one: it is asked whatever happened. */
  readonly isLast: boolean;
}

/** What is asked for: what a tag means, or what a digest names. */
export type Question = { readonly kind: 'tags' } | { readonly kind: 'digests'; readonly digest: Digest };

export interface HostRoster {
  /** The first who may be asked and is not in `tried`. */
  next(question: Question, tried: ReadonlySet<SourceHost>): SourceHost | undefined;
  /** To be called for bytes that came. `digest`: the host can be blamed for them later. */
  received(host: SourceHost, bytes: number, digest?: Digest): void;
  /** Notes a failure and what follows from it for later questions. */
  failed(host: SourceHost, question: Question, error: PullError): void;
  /** See ImageSource. */
  distrust(digest: Digest): boolean;
  /** The error of one host about a question, with what the others had to say. */
  explain(error: PullError, from: SourceHost, question: Question): PullError;
  /** See ImageSource. */
  remarks(): readonly Remark[];
  readonly figures: readonly HostFigures[];
  /** Who is most likely to serve the next blob; undefined: nobody has sent anything yet. */
  readonly likely: SourceHost | undefined;
}

interface Entry {
  readonly source: SourceHost;
  /** What it does not have, or has damaged. */
  readonly without: Set<Digest>;
  bytes: number;
  failures: number;
  /** Questions that it answered by "not found". */
  misses: number;
  /** Failures that do not just mean it lacks something. */
  strikes: number;
  isBenched: boolean;
  lastFailure: string | undefined;
}

/** So many, and a host is not asked any more. */
const MAX_STRIKES = 3;

/** `hosts` in the order to ask them. */
export function createHostRoster(hosts: readonly SourceHost[], tell: Tell): HostRoster {
  const entries = hosts.map(createEntry);
  /** Who sent bytes of a blob that nobody has complained about. */
  const servers = new Map<Digest, Set<Entry>>();
  const entryOf = (host: SourceHost) => entries.find((entry) => entry.source === host) as Entry;
  return {
    next: (question, tried) =>
      entries.find((entry) => !tried.has(entry.source) && mayBeAsked(entry, question))?.source,
    received(host, bytes, digest) {
      const entry = entryOf(host);
      entry.bytes += bytes;
      if (digest !== undefined) servers.set(digest, (servers.get(digest) ?? new Set()).add(entry));
    },
    failed: (host, question, error) => noteFailure(entryOf(host), { question, error, tell }),
    distrust(digest) {
      const suspects = [...(servers.get(digest) ?? [])];
      servers.delete(digest);
      return blame(suspects, digest, tell);
    },
    explain(error, from, { kind }) {
      const others = entries.filter((entry) => entry.source !== from);
      const explained = explain(error, others);
      const silent = others.filter(({ source: { host } }) => host.serves.digests && !host.serves.tags);
      return kind === 'tags' ? hintAtDigests(explained, silent.map(nameOf)) : explained;
    },
    remarks: () => entries.filter(hadNothing).map(nothingOf),
    get likely() {
      const usable = entries.filter((entry) => entry.source.isLast || !entry.isBenched);
      return usable.find(({ source, bytes }) => bytes > 0 && source.host.serves.digests)?.source;
    },
    get figures() {
      return entries.map(figuresOf);
    },
  };
}

function noteFailure(
  entry: Entry,
  { question, error, tell }: { question: Question; error: PullError; tell: Tell },
): void {
  const { registry } = entry.source.host;
  entry.failures++;
  entry.lastFailure = factOf(error, registry);
  if (entry.source.isLast) return;
  tell({ kind: 'debug', message: `${registry} is passed over: ${error.message}` });
  const { isLacking, isStrike, isHopeless } = judge(error);
  if (isLacking && question.kind === 'digests') entry.without.add(question.digest);
  if (isStrike) entry.strikes++;
  else entry.misses++;
  if (entry.isBenched || (!isHopeless && entry.strikes < MAX_STRIKES)) return;
  entry.isBenched = true;
  const message = `the mirror ${registry} is not asked any more in this pull: ${shorten(entry.lastFailure)}`;
  tell({ kind: 'warning', message });
}

/** For damaged bytes. true: somebody else will be asked. */
function blame(suspects: readonly Entry[], digest: Digest, tell: Tell): boolean {
  for (const { source } of suspects) source.client.forget(digest);
  const replaceable = suspects.filter((entry) => !entry.source.isLast);
  for (const entry of replaceable)
    noteFailure(entry, { question: { kind: 'digests', digest }, error: damaged(entry, digest), tell });
  return replaceable.length > 0;
}

function nameOf({ source: { host } }: Entry): string {
  return host.registry;
}

/** A mirror that has never been of any use, and of which nothing else was said. */
function hadNothing({ source, bytes, misses, isBenched }: Entry): boolean {
  return !source.isLast && !isBenched && bytes === 0 && misses > 0;
}

/** Most likely its path is wrong: a mirror that fills itself has everything. */
function nothingOf({ source: { host }, misses }: Entry): Remark {
  const { registry, repository, source } = host;
  const where = source === undefined ? '' : `, as ${source} has it`;
  const message = `the mirror ${registry} had nothing of the image: it does not know ${registry}/${repository}${where} (asked ${misses} times)`;
  return { kind: 'warning', message };
}

function figuresOf({ source: { host, client }, bytes, failures }: Entry): HostFigures {
  return { host: host.registry, bytes, requests: client.requests, failures };
}

function createEntry(source: SourceHost): Entry {
  const nothing = { bytes: 0, failures: 0, misses: 0, strikes: 0, isBenched: false, lastFailure: undefined };
  return { source, without: new Set(), ...nothing };
}

function mayBeAsked({ source, isBenched, without }: Entry, question: Question): boolean {
  if (!source.host.serves[question.kind]) return false;
  return source.isLast || !(isBenched || (question.kind === 'digests' && without.has(question.digest)));
}

function damaged({ source: { host } }: Entry, digest: Digest): PullError {
  const message = `${host.registry}/${host.repository} served damaged data of ${digest}`;
  return new PullError('DIGEST_MISMATCH', message);
}

const MAX_REASON_LENGTH = 200;

function explain(error: PullError, others: readonly Entry[]): PullError {
  const reasons = others.flatMap(({ source, lastFailure }) =>
    lastFailure === undefined ? [] : [`${source.host.registry}: ${shorten(lastFailure)}`],
  );
  if (reasons.length === 0) return error;
  const message = `${error.message} (mirrors failed before: ${reasons.join('; ')})`;
  if (error instanceof HttpError) return reworded(error, message);
  return new PullError(error.code, message, { hint: error.hint, cause: error.cause });
}

function shorten(reason: string): string {
  return reason.length > MAX_REASON_LENGTH ? `${reason.slice(0, MAX_REASON_LENGTH)}…` : reason;
}
