// Asks one host after the other, and reads a blob across hosts: what one began, the next one goes on with.

import type { ByteRange } from '../bytes/range.ts';
import { PullError } from '../errors.ts';
import type { Descriptor } from '../oci/descriptor.ts';
import type { RegistryBlob } from '../registry/client.ts';
import { isHostFailure } from './host-failure.ts';
import type { HostRoster, Question, SourceHost } from './host-roster.ts';
import type { BlobBody } from './source.ts';

/** The hosts to ask, and those that need not be asked again for this. */
interface Search {
  readonly roster: HostRoster;
  readonly question: Question;
  readonly tried: Set<SourceHost>;
  /** What is looked for, for messages. */
  readonly what: string;
}

/** The first answer that is one. Throws what the last host failed with, and ABORTED. */
export async function askInTurn<T>(
  search: Omit<Search, 'tried'>,
  ask: (host: SourceHost) => Promise<T>,
): Promise<T> {
  return (await first({ ...search, tried: new Set() }, ask)).answer;
}

interface Found<T> {
  readonly host: SourceHost;
  readonly answer: T;
}

async function first<T>(search: Search, ask: (host: SourceHost) => Promise<T>): Promise<Found<T>> {
  const { roster, question, tried, what } = search;
  for (let host = roster.next(question, tried); host; ) {
    tried.add(host);
    try {
      return { host, answer: await ask(host) };
    } catch (error) {
      host = passOver(search, host, error);
    }
  }
  throw new PullError('CONFIG_INVALID', `${what}: no configured host serves ${question.kind}`);
}

/** Who comes next. Throws where there is nobody. */
function passOver({ roster, question, tried }: Search, host: SourceHost, error: unknown): SourceHost {
  if (!isHostFailure(error)) throw error;
  roster.failed(host, question, error);
  const next = roster.next(question, tried);
  if (next) return next;
  throw roster.explain(error, host, question);
}

export interface BlobQuestion {
  readonly descriptor: Pick<Descriptor, 'digest' | 'size'>;
  /** Not empty. */
  readonly range: ByteRange;
  readonly signal: AbortSignal;
  /** For messages. */
  readonly what: string;
}

/** As ImageSource.openBlob. No byte that has come is fetched again, unless a host ignores ranges. */
export async function openBlobInTurn(roster: HostRoster, asked: BlobQuestion): Promise<BlobBody> {
  const { descriptor, range, signal, what } = asked;
  const question: Question = { kind: 'digests', digest: descriptor.digest };
  const search: Search = { roster, question, tried: new Set(), what };
  const open = (part: ByteRange) => first(search, ({ client }) => client.blob(descriptor, part, signal));
  const found = await open(range);
  return { range: found.answer.range, chunks: readOn(found, { search, open, digest: descriptor.digest }) };
}

interface Continuation {
  readonly search: Search;
  readonly digest: Descriptor['digest'];
  open(remainder: ByteRange): Promise<Found<RegistryBlob>>;
}

async function* readOn(
  begun: Found<RegistryBlob>,
  { search, open, digest }: Continuation,
): AsyncGenerator<Uint8Array> {
  const { end } = begun.answer.range;
  let offset = begun.answer.range.start;
  for (let { host, answer } = begun; ; ) {
    let position = answer.range.start;
    try {
      for await (const bytes of answer.chunks) {
        const fresh = bytes.subarray(Math.max(0, offset - position), Math.max(0, end - position));
        position += bytes.length;
        search.roster.received(host, bytes.length, digest);
        offset += fresh.length;
        if (fresh.length > 0) yield fresh;
        if (offset === end && position < answer.range.end) return;
      }
      return;
    } catch (error) {
      passOver(search, host, error);
      if (offset === end) return;
      ({ host, answer } = await open({ start: offset, end }));
    }
  }
}
