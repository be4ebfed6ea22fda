// A real HTTP registry on loopback that serves OCI layouts (pull only) and misbehaves on demand: see registry-faults.ts.
import { randomBytes } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { blobPath, readLayoutManifest, readTags } from './oci-layout.ts';
import { createGuard, errorBody, type RegistryAuth } from './registry-auth.ts';
import { sendContent, sendText } from './registry-content.ts';
import {
  createFaultBook,
  type Effects,
  type Fault,
  type FaultBook,
  type Redirect,
} from './registry-faults.ts';
import { countBody, type ListenOptions, listen } from './registry-listen.ts';

export interface RegistryOptions extends ListenOptions {
  /** Several images may share a repository. Tags come from each layout's index.json. */
  readonly images: readonly { readonly repository: string; readonly layout: string }[];
  readonly auth?: RegistryAuth;
  readonly faults?: readonly Fault[];
  /** `redirect`: blobs answer 307 to a signed URL on a second origin. Default: `direct`. */
  readonly blobs?: 'direct' | 'redirect';
  /** How many requests a signed URL is good for. Default: any number. */
  readonly urlUses?: number;
}

export interface RequestLog {
  readonly origin: 'registry' | 'storage';
  readonly method: string;
  /** With the query. */
  readonly path: string;
  readonly range: string | undefined;
  /** Scheme of the Authorization header in lower case, if one arrived. */
  readonly authorization: string | undefined;
  readonly headers: IncomingMessage['headers'];
  readonly httpVersion: string;
  /** Milliseconds since the start of the registry. */
  readonly at: number;
  /** 0 until the headers of the answer are sent. */
  status: number;
  /** Body bytes handed to the connection. What lies in its buffers when the client hangs up counts, too. */
  sent: number;
}

export interface TestRegistry extends AsyncDisposable {
  /** `127.0.0.1:port`, to be used as the registry part of a reference. */
  readonly host: string;
  readonly storageHost: string;
  /** Every request so far, in order of arrival. */
  readonly requests: RequestLog[];
  readonly faults: FaultBook;
  expireTokens(): void;
  expireUrls(): void;
  close(): Promise<void>;
}

export async function startRegistry(options: RegistryOptions): Promise<TestRegistry> {
  const guard = createGuard(options.auth ?? { kind: 'none' });
  const faults = createFaultBook(options.faults);
  const urls = new Map<string, number>();
  const requests: RequestLog[] = [];
  const started = performance.now();
  const scheme = options.tls ? 'https' : 'http';

  function record(origin: RequestLog['origin'], request: IncomingMessage): RequestLog {
    const { headers, method = '', url: path = '' } = request;
    const entry: RequestLog = {
      origin,
      method,
      path,
      range: headers.range,
      authorization: headers.authorization?.split(' ')[0]?.toLowerCase(),
      headers,
      httpVersion: request.httpVersion,
      at: performance.now() - started,
      status: 0,
      sent: 0,
    };
    requests.push(entry);
    return entry;
  }

  const registry = await listen(options, (request, response) =>
    answer({ request, response, entry: record('registry', request), faults }, serveRegistry),
  );
  const { port: _, ...others } = options;
  const storage = await listen(others, (request, response) =>
    answer({ request, response, entry: record('storage', request), faults }, serveStorage),
  );
  const layouts = (repository: string) =>
    options.images.filter((image) => image.repository === repository).map((image) => image.layout);

  async function serveRegistry({ request, response, url, effects }: Call): Promise<void> {
    if (url.pathname === '/token') {
      const reply = await guard.token(request);
      return sendText(response, reply.status, reply.body, effects);
    }
    const match = /^\/v2\/(?:(.+)\/(manifests|blobs)\/([^/]+))?$/.exec(url.pathname);
    if (!match) return sendText(response, 404, '404 page not found');
    const [, repository = '', room, name = ''] = match;
    const refusal = guard.refuse(request, `${scheme}://${registry.host}`, repository);
    if (refusal) {
      for (const [header, value] of Object.entries(refusal.headers)) response.setHeader(header, value);
      return sendText(response, refusal.status, errorBody('UNAUTHORIZED', 'authentication required'));
    }
    if (room === undefined) return sendText(response, 200, '{}');
    const content =
      room === 'manifests' ? findManifest(layouts(repository), name) : findBlob(layouts(repository), name);
    if (!content) {
      const code = room === 'manifests' ? 'MANIFEST_UNKNOWN' : 'BLOB_UNKNOWN';
      return sendText(response, 404, errorBody(code, `${room} unknown to registry`));
    }
    if (room === 'manifests' || options.blobs !== 'redirect')
      return sendContent(request, response, content, effects);
    const signature = randomBytes(12).toString('hex');
    urls.set(signature, options.urlUses ?? Number.POSITIVE_INFINITY);
    response.writeHead(307, {
      location: `${scheme}://${storage.host}/storage/${name}?signature=${signature}`,
    });
    response.end();
  }

  async function serveStorage({ request, response, url, effects }: Call): Promise<void> {
    const digest = url.pathname.replace('/storage/', '');
    const signature = url.searchParams.get('signature') ?? '';
    const uses = urls.get(signature) ?? 0;
    urls.set(signature, uses - 1);
    const content = findBlob(
      options.images.map((image) => image.layout),
      digest,
    );
    // The stores of the big clouds refuse a signed URL that comes with an Authorization header.
    if (request.headers.authorization) sendText(response, 400, '<Error><Code>InvalidArgument</Code></Error>');
    else if (uses <= 0) sendText(response, 403, '<Error><Code>AccessDenied</Code></Error>');
    else if (!content) sendText(response, 404, '<Error><Code>NoSuchKey</Code></Error>');
    else await sendContent(request, response, content, effects);
  }

  async function close(): Promise<void> {
    await Promise.all([registry.close(), storage.close()]);
  }

  return {
    host: registry.host,
    storageHost: storage.host,
    requests,
    faults,
    expireTokens: guard.expireTokens,
    expireUrls: () => urls.clear(),
    close,
    [Symbol.asyncDispose]: close,
  };
}

interface Call {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly url: URL;
  readonly effects: Effects;
}

interface Arrival extends Pick<Call, 'request' | 'response'> {
  readonly entry: RequestLog;
  readonly faults: FaultBook;
}

/** Keeps the log, applies a status fault, and turns a fault of this server into a 500 that a test will notice. */
async function answer(arrival: Arrival, serve: (call: Call) => Promise<void>): Promise<void> {
  const { request, response, entry, faults } = arrival;
  const effects = faults.take(entry.path);
  const { writeHead } = response;
  countBody(response, (bytes) => {
    entry.sent += bytes;
  });
  response.writeHead = ((status: number, ...rest: never[]) => {
    entry.status = status;
    return writeHead.call(response, status, ...rest);
  }) as typeof response.writeHead;
  try {
    if (effects.silence) return;
    if (effects.reset) return void response.socket?.resetAndDestroy();
    if (effects.redirect) redirect(response, effects.redirect, entry.path);
    else if (effects['many-ranges'] && request.headers.range?.includes(','))
      sendText(response, effects['many-ranges'].status, errorBody('UNSUPPORTED', 'Unsupported client range'));
    else if (effects.status) {
      const { status, headers = {}, body = errorBody('FAULT', 'as ordered') } = effects.status;
      for (const [name, value] of Object.entries(headers)) response.setHeader(name, value);
      sendText(response, status, body);
    } else await serve({ request, response, url: new URL(entry.path, 'http://registry'), effects });
  } catch (error) {
    if (!response.headersSent && !response.destroyed)
      sendText(response, 500, errorBody('UNKNOWN', String(error)));
  }
  entry.status = response.statusCode;
}

function redirect(response: ServerResponse, { status = 307, to }: Redirect, path: string): void {
  response.writeHead(status, { location: typeof to === 'string' ? to : to(path), 'content-length': 0 }).end();
}

function findBlob(layouts: readonly string[], digest: string) {
  for (const layout of layouts) {
    const path = blobPath(layout, digest);
    if (path) {
      const headers = { 'content-type': 'application/octet-stream', 'docker-content-digest': digest };
      return { path, headers, ranges: true };
    }
  }
  return undefined;
}

function findManifest(layouts: readonly string[], name: string) {
  for (const layout of layouts) {
    const tagged = readTags(layout).get(name);
    const digest = tagged?.digest ?? name;
    const path = blobPath(layout, digest);
    if (path) {
      const mediaType = tagged?.mediaType ?? readLayoutManifest(layout, digest).mediaType;
      const headers = {
        'content-type': mediaType ?? 'application/vnd.oci.image.manifest.v1+json',
        'docker-content-digest': digest,
      };
      return { path, headers, ranges: false };
    }
  }
  return undefined;
}
