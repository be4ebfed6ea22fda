// Finds where a blob really is, remembers it, and asks the registry again when a signed URL has expired.
import type { Digest } from '../oci/digest.ts';
import { untilAborted } from './abort.ts';
import type { Endpoint } from './endpoint.ts';
import { discard, type HttpRequest } from './http.ts';
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
}

/** How often one request may ask the registry for another URL. */
const MAX_RESOLUTIONS = 3;
/** S3 says 400 or 403 to a URL whose time is over. */
const EXPIRED: ReadonlySet<number> = new Set([400, 401, 403]);

export function createBlobLocator({ endpoint, repository, follow }: BlobLocatorOptions): BlobLocator {
  const known = new Map<Digest, Location>();
  const resolving = new Map<Digest, Promise<unknown>>();

  function start(digest: Digest): Location {
    return { url: endpoint.url(`v2/${repository}/blobs/${digest}`), authorised: true };
  }

  /** The first request for a blob finds its place; those that come meanwhile wait and go there directly. */
  async function once(digest: Digest, request: BlobRequest): Promise<Arrival> {
    for (;;) {
      const location = known.get(digest);
      if (location) return revisit(digest, request, location);
      const pending = resolving.get(digest);
      if (!pending) return resolve(digest, request);
      await untilAborted(pending, request.signal);
    }
  }

  /** A place that does not answer any more is forgotten: the registry may know a better one. */
  async function revisit(digest: Digest, request: BlobRequest, location: Location): Promise<Arrival> {
    try {
      return await follow(request, location);
    } catch (error) {
      forget(digest, location);
      throw error;
    }
  }

  function forget(digest: Digest, { url }: Location): void {
    if (known.get(digest)?.url.href === url.href) known.delete(digest);
  }

  async function resolve(digest: Digest, request: BlobRequest): Promise<Arrival> {
    const arrival = follow(request, start(digest));
    const settled = arrival.then(
      ({ answer, location }) => {
        if (answer.status < 400) known.set(digest, location);
      },
      () => undefined,
    );
    resolving.set(
      digest,
      settled.finally(() => resolving.delete(digest)),
    );
    await settled;
    return arrival;
  }

  async function fetch(digest: Digest, request: BlobRequest): Promise<Arrival> {
    for (let resolutions = 1; ; resolutions++) {
      const arrival = await once(digest, request);
      const { answer, location } = arrival;
      if (location.authorised || !EXPIRED.has(answer.status)) return arrival;
      forget(digest, location);
      if (resolutions > MAX_RESOLUTIONS) return arrival;
      discard(answer);
    }
  }

  return { fetch, originOf: (digest) => known.get(digest)?.url.origin };
}
