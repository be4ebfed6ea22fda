// The client for one repository at one host: what can be asked, on top of the layers in stack.ts, with retries.
import type { Link } from '../bytes/link.ts';
import { type ByteRange, containsRange, rangeLength } from '../bytes/range.ts';
import { PullError } from '../errors.ts';
import { type RetryPolicy, withRetries } from '../http/retry.ts';
import { createRetryNotice } from '../http/retry-notice.ts';
import { DEFAULT_TIMEOUTS, type Timeouts } from '../http/transport.ts';
import type { Digest } from '../oci/digest.ts';
import { readBlob } from './blob-body.ts';
import { createBlobLocator } from './blob-locator.ts';
import { type BlobName, createOpenPiece } from './blob-piece.ts';
import { type FetchedManifest, fetchManifest, hasManifest, type ManifestRequest } from './manifest.ts';
import { createBudget, type Patience, timeoutsFor } from './patience.ts';
import { parseQuota, type Quota } from './quota.ts';
import { openStack, type StackOptions } from './stack.ts';
import { listTags, TAGS_PER_PAGE } from './tags.ts';

export interface RegistryClientOptions extends Omit<StackOptions, 'timeouts'> {
  readonly timeouts?: Timeouts | undefined;
  /** Multiplies the waits between attempts; for tests. */
  readonly backoff?: number | undefined;
  /** Default: full. */
  readonly patience?: Patience | undefined;
}

export interface RegistryBlob {
  /** The range asked for, or the whole blob where the server ignores ranges. */
  readonly range: ByteRange;
  readonly chunks: AsyncIterable<Uint8Array>;
}

export interface RegistryClient {
  /** HTTP requests made so far. */
  readonly requests: number;
  /** What the way to the data is like: to where the last blob came from; undefined: nothing was answered yet. */
  readonly link: Link | undefined;
  /** As the last manifest's answer stated it; undefined: the registry does not say. */
  readonly quota: Quota | undefined;
  /** `patience`: with this one; that of the client unless told. */
  manifest(
    request: Pick<ManifestRequest, 'target' | 'expected'> & { readonly patience?: Patience | undefined },
  ): Promise<FetchedManifest>;
  /** Does the registry show the manifest of this digest to whoever this client is? Throws PullError. */
  hasManifest(target: string): Promise<boolean>;
  /** `range` must not be empty. Unverified; see BlobBody. */
  blob(blob: BlobName, range: ByteRange, signal: AbortSignal): Promise<RegistryBlob>;
  /** To be called when the blob turned out damaged: the registry is asked anew where it is. */
  forget(digest: Digest): void;
  /** The first page of the repository's tags, for messages; empty where it is longer than `maxBytes` or nothing comes. Never throws. */
  tags(maxBytes: number): Promise<readonly string[]>;
  close(): Promise<void>;
}

export function openRegistryClient(options: RegistryClientOptions): RegistryClient {
  const { signal, patience = 'full' } = options;
  const { repository } = options.host;
  const { name, endpoint, transport, gate, follow, secrets, scrubber, tell } = openStack({
    ...options,
    timeouts: timeoutsFor(patience, options.timeouts ?? DEFAULT_TIMEOUTS),
  });
  const locator = createBlobLocator({ endpoint, repository, follow });
  const openPiece = createOpenPiece({ name, locator, secrets });
  const policy: RetryPolicy = {
    gate,
    scale: options.backoff ?? 1,
    hasAnswered: transport.hasAnswered,
    notice: createRetryNotice(tell),
  };
  let quota: Quota | undefined;

  function manifestAt(target: string) {
    return {
      target,
      location: { url: endpoint.api(`${repository}/manifests/${target}`), authorised: true },
      signal,
    };
  }

  return {
    get requests() {
      return transport.requests;
    },
    get quota() {
      return quota;
    },
    get link() {
      return transport.link(locator.lastOrigin ?? endpoint.origin);
    },
    close: transport.close,
    manifest({ target, expected, patience: own = patience }) {
      const onAnswer = (answer: Parameters<typeof parseQuota>[0]) => {
        quota = parseQuota(answer) ?? quota;
      };
      const fetch = () =>
        fetchManifest({ ...manifestAt(target), expected }, { name, follow, secrets, onAnswer });
      return scrubber.call(() => withRetries(createBudget(own, policy, signal), fetch));
    },
    hasManifest: (target) => scrubber.call(() => hasManifest(manifestAt(target), { name, follow, secrets })),
    async blob(blob, range, blobSignal) {
      checkRange(blob, range);
      const either = AbortSignal.any([signal, blobSignal]);
      const budget = createBudget(patience, policy, either);
      const open = (part: ByteRange) =>
        withRetries(budget, () => openPiece({ blob, range: part, signal: either }));
      const first = await scrubber.call(() => open(range));
      const onStall = patience === 'full' ? 'reconnect' : 'fail';
      const chunks = scrubber.chunks(readBlob({ first, reopen: open, budget, onStall }));
      return { range: first.range, chunks };
    },
    forget: locator.forget,
    tags(maxBytes) {
      const url = endpoint.api(`${repository}/tags/list`, { n: String(TAGS_PER_PAGE) });
      return listTags(
        { location: { url, authorised: true }, maxBytes, what: `tags of ${name}`, signal },
        follow,
      );
    },
  };
}

function checkRange(blob: BlobName, range: ByteRange): void {
  if (rangeLength(range) > 0 && containsRange({ start: 0, end: blob.size }, range)) return;
  throw new PullError('INTERNAL', `range ${range.start}-${range.end} is not in blob ${blob.digest}`);
}
