// Finds where a blob really is, remembers it, and asks the registry again when a signed URL has expired.

import { untilAborted } from '../http/abort.ts';
import { discard, type HttpRequest } from '../http/exchange.ts';
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

/** Where blobs are, as far as that has been found out. */
class BlobPlaces {
  readonly #options: BlobLocatorOptions;
  readonly #known = new Map<Digest, Location>();
  readonly #resolving = new Map<Digest, Promise<unknown>>();
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

  /** The first request for a blob finds its place; those that come meanwhile wait and go there directly. */
  async visit(digest: Digest, request: BlobRequest): Promise<Arrival> {
    for (;;) {
      const location = this.#known.get(digest);
      if (location) return this.#revisit(digest, request, location);
      const pending = this.#resolving.get(digest);
      if (!pending) return this.#resolve(digest, request);
      await untilAborted(pending, request.signal);
    }
  }

  /** A place that does not answer any more is forgotten: the registry may know a better one. */
  async #revisit(digest: Digest, request: BlobRequest, location: Location): Promise<Arrival> {
    try {
      return await this.#options.follow(request, location);
    } catch (error) {
      this.forget(digest, location);
      throw error;
    }
  }

  async #resolve(digest: Digest, request: BlobRequest): Promise<Arrival> {
    const { endpoint, repository, follow } = this.#options;
    const start = { url: endpoint.api(`${repository}/blobs/${digest}`), authorised: true };
    const arrival = follow(request, start);
    const settled = arrival.then(
      ({ answer, location }) => {
        if (answer.status >= 400) return;
        this.#known.set(digest, location);
        this.#lastOrigin = location.url.origin;
      },
      () => undefined,
    );
    this.#resolving.set(
      digest,
      settled.finally(() => this.#resolving.delete(digest)),
    );
    await settled;
    return arrival;
  }
}
