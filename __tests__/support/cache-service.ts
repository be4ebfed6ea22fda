// An honest double of the Actions cache service, version 2, over real HTTP: scopes, immutable entries, reservations that are
// invisible until finalized, limits, denials, and faults on demand. Also runs as a process of its own: cache-service-cli.ts.
import { createHash } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type BlobFaults, BlobStore, readAll } from './cache-service-blobs.ts';
import { EntryTable, makeToken, readToken, type TokenOptions } from './cache-service-entries.ts';

export interface Faults extends BlobFaults {
  /** Every request, of blobs too, answers 429 with this Retry-After, in seconds. */
  throttleAll?: number;
  /** Calls of a method get this answer, which is no Twirp; `times`: only the first ones. */
  surprise?: { method: Method; status: number; body: string; times?: number };
  /** The first `times` answers to a method are lost with their connection, after the call has had its effect. */
  loseAnswers?: { method: Method; times: number };
  /** Every call of a method answers 429 with this Retry-After, in seconds. */
  throttle?: { method: Method; retryAfter: number };
  /** Every call of a method answers with this status. */
  fail?: { method: Method; status: number };
  /** CreateCacheEntry answers as when the storage quota is used up. */
  quotaUsed?: boolean;
  /** FinalizeCacheEntryUpload answers ok:false and leaves the reservation. */
  refuseFinalize?: boolean;
}

export interface CacheServiceOptions {
  /** Entries a minute; absent: no limit. */
  createsPerMinute?: number;
  lookupsPerMinute?: number;
  /** Bytes of all finalized entries; above it the least recently used ones are evicted. */
  quotaBytes?: number;
  /** Origin of the blob URLs, to go through the Azure SDK with this server as HTTP proxy. */
  blobOrigin?: string;
}

/** Those that GitHub documents, for one repository: https://docs.github.com/en/actions/reference/limits */
export const SERVICE_LIMITS: CacheServiceOptions = { createsPerMinute: 200, lookupsPerMinute: 1500 };

export type Method = 'CreateCacheEntry' | 'FinalizeCacheEntryUpload' | 'GetCacheEntryDownloadURL';

export interface LoggedRequest {
  readonly method: string;
  /** Name of the service method, or the path of a blob. */
  readonly target: string;
  readonly key?: string | undefined;
  readonly range?: string | undefined;
  readonly status: number;
}

export class CacheService {
  readonly log: LoggedRequest[] = [];
  readonly entries = new EntryTable();
  readonly blobs = new BlobStore();
  faults: Faults = {};
  /** Told of every call before it is answered; may set faults. */
  onCall: (method: Method) => void = () => undefined;
  readonly #options: CacheServiceOptions;
  readonly #server: Server;
  readonly #recent = new Map<Method, number[]>();
  #lost = 0;
  #surprises = 0;

  private constructor(options: CacheServiceOptions) {
    this.#options = options;
    // A connection may be cut in the middle of a request.
    this.#server = createServer(
      (request, response) => void this.#serve(request, response).catch(() => undefined),
    );
  }

  static async start(options: CacheServiceOptions = {}): Promise<CacheService> {
    const service = new CacheService(options);
    await new Promise<void>((resolve) => service.#server.listen(0, '127.0.0.1', resolve));
    return service;
  }

  get origin(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** What a runner sets for an action, besides RUNNER_TEMP and GITHUB_WORKSPACE. */
  environment(token: TokenOptions = {}): Record<string, string> {
    return {
      ACTIONS_CACHE_SERVICE_V2: 'True',
      ACTIONS_RESULTS_URL: `${this.origin}/`,
      ACTIONS_RUNTIME_TOKEN: makeToken(token),
      GITHUB_SERVER_URL: 'https://github.com',
    };
  }

  /** How often a service method was called. */
  count(method: Method): number {
    return this.log.filter((request) => request.target === method).length;
  }

  finalizedKeys(): string[] {
    return this.entries.finalized().map((entry) => entry.key);
  }

  evict(keyStart: string): void {
    for (const id of this.entries.removeWhere((entry) => entry.key.startsWith(keyStart)))
      this.blobs.delete(id);
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    // A proxied request carries the whole URL.
    const url = new URL(request.url ?? '/', this.origin);
    const method = /^\/twirp\/github\.actions\.results\.api\.v1\.CacheService\/(\w+)$/.exec(
      url.pathname,
    )?.[1];
    let key: string | undefined;
    if (method) {
      const body = JSON.parse((await readAll(request)).toString()) as Record<string, unknown>;
      key = typeof body.key === 'string' ? body.key : undefined;
      this.onCall(method as Method);
      const { surprise, loseAnswers } = this.faults;
      const answer = this.#call(method as Method, body, readToken(request.headers.authorization));
      const headers = { 'content-type': 'application/json', ...answer.headers };
      if (surprise?.method === method && this.#surprises < (surprise.times ?? Number.POSITIVE_INFINITY)) {
        this.#surprises += 1;
        response.writeHead(surprise.status).end(surprise.body);
      } else if (loseAnswers?.method === method && this.#lost < loseAnswers.times) {
        this.#lost += 1;
        request.socket.destroy();
      } else response.writeHead(answer.status, headers).end(JSON.stringify(answer.body));
    } else if (url.pathname.startsWith('/double/')) {
      await this.#control(request, response, url.pathname);
      return;
    } else if (this.faults.throttleAll !== undefined) {
      await readAll(request);
      response.writeHead(429, { 'retry-after': String(this.faults.throttleAll) }).end();
    } else {
      await this.blobs.serve({ request, response, url, faults: this.faults });
    }
    this.log.push({
      method: request.method ?? '',
      target: method ?? url.pathname,
      key,
      range: (request.headers['x-ms-range'] ?? request.headers.range) as string | undefined,
      status: response.statusCode,
    });
  }

  /** For a test in another process: GET /double/state, PUT /double/faults. */
  async #control(request: IncomingMessage, response: ServerResponse, path: string): Promise<void> {
    if (request.method === 'PUT' && path === '/double/faults')
      this.faults = JSON.parse((await readAll(request)).toString()) as Faults;
    const state = { log: this.log, keys: this.finalizedKeys(), faults: this.faults };
    response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(state));
  }

  #call(method: Method, body: Record<string, unknown>, token: Required<TokenOptions> | undefined): Answer {
    if (!token) return { status: 401, body: { code: 'unauthenticated', msg: 'no token' } };
    const limited = this.#limit(method);
    if (limited) return limited;
    const key = String(body.key);
    const version = String(body.version);
    if (method === 'CreateCacheEntry') return this.#create(key, version, token);
    if (method === 'FinalizeCacheEntryUpload') return this.#finalize(key, version, token);
    const restoreKeys = (body.restore_keys ?? []) as string[];
    return this.#download([key, ...restoreKeys], version, token);
  }

  #limit(method: Method): Answer | undefined {
    const { throttle, throttleAll, fail } = this.faults;
    const retryAfter = throttle?.method === method ? throttle.retryAfter : throttleAll;
    if (fail?.method === method)
      return { status: fail.status, body: { code: 'unavailable', msg: 'try later' } };
    const now = Date.now();
    const recent = (this.#recent.get(method) ?? []).filter((time) => now - time < 60_000);
    this.#recent.set(method, [...recent, now]);
    const limits: Partial<Record<Method, number | undefined>> = {
      CreateCacheEntry: this.#options.createsPerMinute,
      GetCacheEntryDownloadURL: this.#options.lookupsPerMinute,
    };
    const limit = limits[method] ?? Number.POSITIVE_INFINITY;
    if (retryAfter === undefined && recent.length < limit) return undefined;
    const headers = { 'retry-after': String(retryAfter ?? 60) };
    return { status: 429, headers, body: { code: 'resource_exhausted', msg: 'rate limit exceeded' } };
  }

  #create(key: string, version: string, token: Required<TokenOptions>): Answer {
    if (token.readOnly)
      return ok({ ok: false, message: 'cache write denied: the token of this run is read-only' });
    if (this.faults.quotaUsed)
      return { status: 403, body: { code: 'permission_denied', msg: 'insufficient usage to proceed' } };
    const entry = this.entries.reserve(token.scopes[0] ?? '', key, version);
    if (entry) return ok({ ok: true, signed_upload_url: this.#blobUrl(entry.id), message: '' });
    const msg = 'cache entry with the same key, version, and scope already exists';
    return { status: 409, body: { code: 'already_exists', msg } };
  }

  #finalize(key: string, version: string, token: Required<TokenOptions>): Answer {
    const entry = this.entries.reservation(token.scopes[0] ?? '', key, version);
    const size = entry && this.blobs.size(entry.id);
    if (!entry || size === undefined || this.faults.refuseFinalize)
      return ok({ ok: false, message: 'nothing to finalize' });
    this.entries.finalize(entry, size);
    for (const id of this.entries.evictOver(this.#options.quotaBytes)) this.blobs.delete(id);
    return ok({ ok: true, entry_id: entry.number, message: '' });
  }

  #download(keys: readonly string[], version: string, token: Required<TokenOptions>): Answer {
    if (token.noRead)
      return { status: 403, body: { code: 'permission_denied', msg: 'cache read denied: no scope' } };
    const entry = this.entries.match(keys, version, token.scopes);
    if (!entry) return ok({ ok: false, signed_download_url: '', matched_key: '' });
    return ok({ ok: true, signed_download_url: this.#blobUrl(entry.id), matched_key: entry.key });
  }

  #blobUrl(id: string): string {
    // Three path segments, or the storage SDK takes the blob's name for undefined.
    const origin = this.#options.blobOrigin ?? this.origin;
    const signature = createHash('sha256').update(id).digest('hex').slice(0, 16);
    const { generation } = this.blobs;
    return `${origin}/devstoreaccount1/cache/${id}?se=2999-01-01&gen=${generation}&sig=${signature}%3D`;
  }
}

interface Answer {
  readonly status: number;
  readonly body: unknown;
  readonly headers?: Record<string, string>;
}

const ok = (body: unknown): Answer => ({ status: 200, body });
