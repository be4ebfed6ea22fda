// The client for one repository: puts the layers together. From the wire upwards: transport, plain http fallback,
// authorisation, redirects, retries.
import type { Credential } from '../auth/credential.ts';
import { type ByteRange, containsRange, rangeLength } from '../bytes/range.ts';
import { PullError } from '../errors.ts';
import { type Reference, repositoryName } from '../oci/reference.ts';
import { Authoriser } from './authoriser.ts';
import { readBlob } from './blob-body.ts';
import { createBlobLocator } from './blob-locator.ts';
import { type BlobName, createOpenPiece } from './blob-piece.ts';
import { parseChallenges } from './challenge.ts';
import { createEndpoint } from './endpoint.ts';
import { discard } from './http.ts';
import { type FetchedManifest, fetchManifest, type ManifestRequest } from './manifest.ts';
import { createOriginGate } from './origin-gate.ts';
import { withPlainHttpFallback } from './plain-http.ts';
import { createFollow } from './redirect.ts';
import { RetryBudget, type RetryPolicy, withRetries } from './retry.ts';
import { createSecrets, type OnSecret } from './secrets.ts';
import { createTokenFetcher } from './token-fetcher.ts';
import { DEFAULT_TIMEOUTS, openTransport, type Timeouts } from './transport.ts';

export interface RegistryClientOptions {
  readonly reference: Reference;
  readonly credential?: Credential | undefined;
  /** false: certificates are not checked and plain http is allowed for any host. */
  readonly tlsVerify: boolean;
  /** At most so many connections to one origin. */
  readonly connections: number;
  /** Ends everything this client does. */
  readonly signal: AbortSignal;
  readonly onSecret?: OnSecret | undefined;
  readonly timeouts?: Timeouts | undefined;
  /** Multiplies the waits between attempts; for tests. */
  readonly backoff?: number | undefined;
}

export interface RegistryBlob {
  /** The range asked for, or the whole blob where the server ignores ranges. */
  readonly range: ByteRange;
  readonly chunks: AsyncIterable<Uint8Array>;
}

export interface RegistryClient {
  /** HTTP requests made so far. */
  readonly requests: number;
  manifest(request: Pick<ManifestRequest, 'target' | 'expected'>): Promise<FetchedManifest>;
  /** `range` must not be empty. Unverified; see BlobBody. */
  blob(blob: BlobName, range: ByteRange, signal: AbortSignal): Promise<RegistryBlob>;
  close(): Promise<void>;
}

export function openRegistryClient(options: RegistryClientOptions): RegistryClient {
  const { reference, credential, tlsVerify, signal } = options;
  const { repository } = reference;
  const name = repositoryName(reference);
  const secrets = createSecrets(options.onSecret);
  if (credential) secrets.hide(credential.password);
  const endpoint = createEndpoint(reference.registry, tlsVerify);
  const gate = createOriginGate();
  const timeouts = options.timeouts ?? DEFAULT_TIMEOUTS;
  const { hostname } = endpoint;
  const transport = openTransport({ hostname, tlsVerify, connections: options.connections, timeouts, gate });
  const plain = transport.send;
  const direct = withPlainHttpFallback(plain, endpoint);
  const authoriser = new Authoriser({
    credential,
    scope: `repository:${repository}:pull`,
    secrets,
    fetchToken: createTokenFetcher({ name, endpoint, credential, send: plain, secrets, signal }),
    ping: async () => {
      const answer = await direct({ url: endpoint.url('v2/'), headers: {}, signal, what: `API of ${name}` });
      discard(answer);
      return parseChallenges(answer.headers['www-authenticate']);
    },
  });
  const follow = createFollow({ endpoint, api: authoriser.authorised(direct), plain, secrets });
  const locator = createBlobLocator({ endpoint, repository, follow });
  const openPiece = createOpenPiece({ name, locator, secrets });
  const policy: RetryPolicy = { gate, scale: options.backoff ?? 1, hasAnswered: transport.hasAnswered };

  return {
    get requests() {
      return transport.requests;
    },
    close: transport.close,
    manifest({ target, expected }) {
      const location = () => ({
        url: endpoint.url(`v2/${repository}/manifests/${target}`),
        authorised: true,
      });
      return withRetries(new RetryBudget(policy, signal), () =>
        fetchManifest({ target, expected, location: location(), signal }, { name, follow, secrets }),
      );
    },
    async blob(blob, range, blobSignal) {
      checkRange(blob, range);
      const either = AbortSignal.any([signal, blobSignal]);
      const budget = new RetryBudget(policy, either);
      const open = (part: ByteRange) =>
        withRetries(budget, () => openPiece({ blob, range: part, signal: either }));
      const first = await open(range);
      return { range: first.range, chunks: readBlob({ first, reopen: open, budget }) };
    },
  };
}

function checkRange(blob: BlobName, range: ByteRange): void {
  if (rangeLength(range) > 0 && containsRange({ start: 0, end: blob.size }, range)) return;
  throw new PullError('INTERNAL', `range ${range.start}-${range.end} is not in blob ${blob.digest}`);
}
