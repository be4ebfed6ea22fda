// A registry that only serves OCI layouts, by ranges too, for machines without docker-registry. A process of its own:
// `node layout-registry.ts PORT '{"repository": "layout"}'`; prints an access log in the common log format.
import { createReadStream, statSync } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { pipeline } from 'node:stream';
import { blobPath, MANIFEST_TYPE, taggedManifest } from './layout.ts';

const PATH = /^\/v2\/(?<repository>[^?]+)\/(?<kind>manifests|blobs)\/(?<target>[\w:.-]+)$/;
const DIGEST = /^sha256:[0-9a-f]{64}$/;

const [, , port, json = '{}'] = process.argv;
/** Bytes of the bodies. */
const sent = new WeakMap<ServerResponse, number>();
const layouts = new Map<string, string>(Object.entries(JSON.parse(json)));

createServer((request, response) => {
  response.on('close', () => {
    const line = `"${request.method} ${request.url} HTTP/1.1" ${response.statusCode}`;
    console.log(`- - - [-] ${line} ${sent.get(response) ?? 0}`);
  });
  answer(request, response).catch(() => end(response, 404));
}).listen(Number(port), '127.0.0.1');

async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
  if (request.url === '/v2/') return end(response, 200);
  const { repository = '', kind, target = '' } = PATH.exec(request.url ?? '')?.groups ?? {};
  const layout = layouts.get(repository);
  if (layout === undefined) return end(response, 404);
  const digest = DIGEST.test(target) ? target : (await taggedManifest(layout, target)).digest;
  response.setHeader('docker-content-digest', digest);
  response.setHeader('content-type', kind === 'manifests' ? MANIFEST_TYPE : 'application/octet-stream');
  serveFile(blobPath(layout, digest), request, response);
}

function serveFile(path: string, request: IncomingMessage, response: ServerResponse): void {
  const { size } = statSync(path);
  const [, first, last] = /^bytes=(\d+)-(\d*)$/.exec(request.headers.range ?? '') ?? [];
  const start = Number(first ?? 0);
  const stop = Math.min(size, last ? Number(last) + 1 : size);
  if (start >= stop && size > 0) {
    end(response, 416);
    return;
  }
  if (first !== undefined) response.setHeader('content-range', `bytes ${start}-${stop - 1}/${size}`);
  response.setHeader('accept-ranges', 'bytes');
  response.setHeader('content-length', stop - start);
  if (request.method !== 'HEAD') sent.set(response, stop - start);
  response.writeHead(first === undefined ? 200 : 206);
  if (request.method === 'HEAD' || size === 0) response.end();
  else pipeline(createReadStream(path, { start, end: stop - 1, highWaterMark: 1 << 20 }), response, () => {});
}

function end(response: ServerResponse, status: number): void {
  if (!response.headersSent) response.writeHead(status);
  response.end();
}
