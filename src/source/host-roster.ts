// The hosts of an image in the order to ask them: who serves what, who failed, who is not asked any more in this pull.
import { describeError, PullError } from '../errors.ts';
import type { RegistryHost } from '../hosts/registry-host.ts';
import { HttpError, reworded } from '../http/http-error.ts';
import type { Digest } from '../oci/digest.ts';
import type { RegistryClient } from '../registry/client.ts';
import { judge } from './host-failure.ts';
import type { HostFigures } from './source.ts';

/** One of several that serve the image. */
export interface SourceHost {
  readonly host: RegistryHost;
  readonly client: RegistryClient;
  /** Nobody stands in for the last one: it is asked whatever happened. */
  readonly isLast: boolean;
}

/** What is asked for: what a tag means, or what a digest names. */
export type Question = { readonly kind: 'tags' } | { readonly kind: 'digests'; readonly digest: Digest };

/** What a door is told; an Emit of pull events takes it. */
export type Tell = (event: { readonly kind: 'warning' | 'debug'; readonly message: string }) => void;

export interface HostRoster {
  /** The first who may be asked and is not in `tried`. */
  next(question: Question, tried: ReadonlySet<SourceHost>): SourceHost | undefined;
  /** To be called for bytes that came. `digest`: the host can be blamed for them later. */
  received(host: SourceHost, bytes: number, digest?: Digest): void;
  /** Notes a failure and what follows from it for later questions. */
  failed(host: SourceHost, question: Question, error: PullError): void;
  /** See ImageSource. */
  distrust(digest: Digest): boolean;
  /** The error of one host, with what the others had to say. */
  explain(error: PullError, from: SourceHost): PullError;
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
    explain: (error, from) =>
      explain(
        error,
        entries.filter((entry) => entry.source !== from),
      ),
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
  entry.lastFailure = describeError(error);
  if (entry.source.isLast) return;
  tell({ kind: 'debug', message: `${registry} is passed over: ${entry.lastFailure}` });
  const { isLacking, isStrike, isHopeless } = judge(error);
  if (isLacking && question.kind === 'digests') entry.without.add(question.digest);
  if (isStrike) entry.strikes++;
  if (entry.isBenched || (!isHopeless && entry.strikes < MAX_STRIKES)) return;
  entry.isBenched = true;
  tell({ kind: 'warning', message: `${registry} is not asked any more in this pull: ${entry.lastFailure}` });
}

/** For damaged bytes. true: somebody else will be asked. */
function blame(suspects: readonly Entry[], digest: Digest, tell: Tell): boolean {
  for (const { source } of suspects) source.client.forget(digest);
  const replaceable = suspects.filter((entry) => !entry.source.isLast);
  for (const entry of replaceable)
    noteFailure(entry, { question: { kind: 'digests', digest }, error: damaged(entry, digest), tell });
  return replaceable.length > 0;
}

function figuresOf({ source: { host, client }, bytes, failures }: Entry): HostFigures {
  return { host: host.registry, bytes, requests: client.requests, failures };
}

function createEntry(source: SourceHost): Entry {
  const nothing = { bytes: 0, failures: 0, strikes: 0, isBenched: false, lastFailure: undefined };
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

const MAX_REASON_LENGTH = 400;

function explain(error: PullError, others: readonly Entry[]): PullError {
  const reasons = others.flatMap(({ lastFailure }) =>
    lastFailure === undefined ? [] : [shorten(lastFailure)],
  );
  if (reasons.length === 0) return error;
  const message = `${error.message} (mirrors failed before: ${reasons.join('; ')})`;
  if (error instanceof HttpError) return reworded(error, message);
  return new PullError(error.code, message, { hint: error.hint, cause: error.cause });
}

function shorten(reason: string): string {
  return reason.length > MAX_REASON_LENGTH ? `${reason.slice(0, MAX_REASON_LENGTH)}…` : reason;
}
