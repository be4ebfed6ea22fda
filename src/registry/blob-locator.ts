// Finds where a blob really is, remembers it, and asks the registry again when a signed URL has expired.
import { isAbort } from '../errors.ts';
import { untilAborted } from '../http/abort.ts';
import { discard, type HttpRequest } from '../http/exchange.ts';
import { HttpError, withTook } from '../http/http-error.ts';
import type { Digest } from '../oci/digest.ts';
import type { Endpoint } from './endpoint.ts';
import type { Arrival, Follow, Location } from './redirect.ts';

export type BlobRequest = Omit<HttpRequest, 'url'>;

export interface BlobLocatorOptions {
  readonly endpoint: Endpoint;
  readonly repository: string;
  readonly follow: Follow;
}

export interface BlobLocator {
  /** The storage's or the registry's answer, of any status that is no redirect. */
  fetch(digest: Digest, request: BlobRequest): Promise<Arrival>;
  /** Origin the blob was last served from, if it is known. */
  originOf(digest: Digest): string | undefined;
  /** Origin the last blob that was looked up is served from. */
  readonly lastOrigin: string | undefined;
  /** The next request for the blob begins at the registry, which may know a better place. */
  forget(digest: Digest): void;
}

/** How often one request may ask the registry for another URL. */
const MAX_RESOLUTIONS = 3;
/** S3 says 400 or 403 to a URL whose time is over. */
const EXPIRED: ReadonlySet<number> = new Set([400, 401, 403]);

export function createBlobLocator(options: BlobLocatorOptions): BlobLocator {
  const places = new BlobPlaces(options);

  async function fetch(digest: Digest, request: BlobRequest): Promise<Arrival> {
    for (let resolutions = 1; ; resolutions++) {
      const arrival = await places.visit(digest, request);
      const { answer, location } = arrival;
      if (location.authorised || !EXPIRED.has(answer.status)) return arrival;
      places.forget(digest, location);
      if (resolutions > MAX_RESOLUTIONS) return arrival;
      discard(answer);
    }
  }

  return {
    fetch,
    originOf: (digest) => places.get(digest)?.url.origin,
    get lastOrigin() {
      return places.lastOrigin;
    },
    forget: (digest) => places.forget(digest),
  };
}

/** What came of a lookup; undefined: the registry answered, but with no place. */
type Outcome = { readonly location: Location } | { readonly error: unknown } | undefined;

/** Where blobs are, as far as that has been found out. */
class BlobPlaces {
  readonly #options: BlobLocatorOptions;
  readonly #known = new Map<Digest, Location>();
  readonly #lookups = new Map<Digest, Promise<Outcome>>();
  #lastOrigin: string | undefined;

  constructor(options: BlobLocatorOptions) {
    this.#options = options;
  }

  get lastOrigin(): string | undefined {
    return this.#lastOrigin;
  }

  get(digest: Digest): Location | undefined {
    return this.#known.get(digest);
  }

  /** `place`: only if that is still what is known. */
  forget(digest: Digest, place = this.#known.get(digest)): void {
    if (this.#known.get(digest)?.url.href === place?.url.href) this.#known.delete(digest);
  }

  /**
   * The first request for a blob finds its place; those that come meanwhile wait for that, and go there directly. They share
   * a failure, too: if each tried in its turn, the last one would wait for all the others. Where the answer was a refusal,
   * which may be about the one request, they all go and ask.
   */
  async visit(digest: Digest, request: BlobRequest): Promise<Arrival> {
    for (;;) {
      const location = this.#known.get(digest);
      if (location) return this.#revisit(digest, request, location);
      const lookup = this.#lookups.get(digest);
      if (!lookup) return this.#lookUp(digest, request);
      const started = performance.now();
      const outcome = await untilAborted(lookup, request.signal);
      if (outcome === undefined) return this.#lookUp(digest, request);
      if ('location' in outcome) return this.#revisit(digest, request, outcome.location);
      if (!isAbort(outcome.error)) throw sharedFailure(outcome.error, performance.now() - started);
    }
  }

  /** A place that does not answer any more is forgotten: the registry may know a better one. */
  async #revisit(digest: Digest, request: BlobRequest, location: Location): Promise<Arrival> {
    try {
      return await this.#options.follow(request, location);
    } catch (error) {
      if (!isAbort(error)) this.forget(digest, location);
      throw error;
    }
  }

  async #lookUp(digest: Digest, request: BlobRequest): Promise<Arrival> {
    const { endpoint, repository, follow } = this.#options;
    const start = { url: endpoint.api(`${repository}/blobs/${digest}`), authorised: true };
    const arrival = follow(request, start);
    const lookup = arrival.then(
      (found) => this.#note(digest, found),
      (error: unknown) => ({ error }),
    );
    this.#lookups.set(digest, lookup);
    await lookup;
    if (this.#lookups.get(digest) === lookup) this.#lookups.delete(digest);
    return arrival;
  }

  #note(digest: Digest, { answer, location }: Arrival): Outcome {
    if (answer.status >= 400) return undefined;
    this.#known.set(digest, location);
    this.#lastOrigin = location.url.origin;
    return { location };
  }
}

/** Whoever waited for the request of another one is charged for that wait alone. */
function sharedFailure(error: unknown, waited: number): unknown {
  return error instanceof HttpError ? withTook(error, Math.min(error.took, waited)) : error;
}
