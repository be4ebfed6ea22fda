// The Debian docker-registry as a child process on a free loopback port, and a push of OCI layouts by plain HTTP uploads.
import { execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, openAsBlob, rmSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  blobPath,
  type LayoutDescriptor,
  readLayoutBlob,
  readLayoutManifest,
  readTags,
} from './oci-layout.ts';

export interface DockerRegistry extends AsyncDisposable {
  /** `127.0.0.1:port` */
  readonly host: string;
  close(): Promise<void>;
}

/**
 * Why tests against it must be skipped; undefined: run them. In CI they always run, so that a missing binary fails there.
 * Use: `describe.skipIf(skipDockerRegistry())(…)`.
 */
export function skipDockerRegistry(): string | undefined {
  if (process.env.CI) return undefined;
  try {
    execFileSync('docker-registry', ['--version'], { stdio: 'ignore' });
    return undefined;
  } catch {
    return 'docker-registry is not on PATH';
  }
}

export interface DockerRegistryOptions {
  /** Where its blobs are, kept when it ends; absent: a directory of its own, gone when it ends. */
  readonly data?: string;
  /** More sections of its configuration: https://distribution.github.io/distribution/about/configuration/ */
  readonly settings?: Readonly<Record<string, unknown>>;
}

export async function startDockerRegistry(options: DockerRegistryOptions = {}): Promise<DockerRegistry> {
  const directory = mkdtempSync(join(tmpdir(), 'docker-registry-'));
  const host = `127.0.0.1:${await freePort()}`;
  const config = join(directory, 'config.yml');
  const data = options.data ?? join(directory, 'data');
  writeFileSync(config, JSON.stringify({ ...configuration(host, data), ...options.settings }));
  const child = spawn('docker-registry', ['serve', config], { stdio: ['ignore', 'ignore', 'pipe'] });
  let complaint = '';
  child.stderr.on('data', (text) => {
    complaint = `${complaint}${text}`.slice(-2000);
  });
  const ended = new Promise<void>((resolve) => {
    child.once('exit', () => resolve());
    child.once('error', (error) => {
      complaint = String(error);
      resolve();
    });
  });

  async function close(): Promise<void> {
    child.kill('SIGKILL');
    await ended;
    rmSync(directory, { recursive: true, force: true });
  }

  const ready = await Promise.race([answers(host), ended.then(() => false)]);
  if (!ready) {
    await close();
    throw new Error(`docker-registry did not start: ${complaint}`);
  }
  return { host, close, [Symbol.asyncDispose]: close };
}

/** Pushes every tag of a layout, blobs first. */
export async function pushLayout(host: string, repository: string, layout: string): Promise<void> {
  const target = { base: `http://${host}/v2/${repository}`, layout };
  for (const [tag, descriptor] of readTags(layout)) await pushManifest(target, descriptor, tag);
}

interface PushTarget {
  readonly base: string;
  readonly layout: string;
}

async function pushManifest(target: PushTarget, descriptor: LayoutDescriptor, name: string): Promise<void> {
  const manifest = readLayoutManifest(target.layout, descriptor.digest);
  for (const child of manifest.manifests ?? []) await pushManifest(target, child, child.digest);
  const blobs = [...(manifest.config ? [manifest.config] : []), ...(manifest.layers ?? [])];
  for (const blob of blobs) await pushBlob(target, blob.digest);
  await expectStatus(201, `${target.base}/manifests/${name}`, {
    method: 'PUT',
    headers: { 'content-type': descriptor.mediaType },
    body: new Uint8Array(readLayoutBlob(target.layout, descriptor.digest)),
  });
}

async function pushBlob({ base, layout }: PushTarget, digest: string): Promise<void> {
  const head = await fetch(`${base}/blobs/${digest}`, { method: 'HEAD' });
  if (head.ok) return;
  const path = blobPath(layout, digest);
  if (!path) throw new Error(`${layout} holds no blob ${digest}`);
  const upload = await expectStatus(202, `${base}/blobs/uploads/`, { method: 'POST' });
  const location = new URL(upload.headers.get('location') ?? '', base);
  location.searchParams.set('digest', digest);
  const headers = { 'content-type': 'application/octet-stream' };
  await expectStatus(201, location.href, { method: 'PUT', headers, body: await openAsBlob(path) });
}

async function expectStatus(status: number, url: string, init: RequestInit): Promise<Response> {
  const response = await fetch(url, init);
  const text = await response.text();
  if (response.status !== status) throw new Error(`${init.method} ${url}: ${response.status} ${text}`);
  return response;
}

async function answers(host: string): Promise<boolean> {
  for (let attempt = 0; attempt < 100; attempt++) {
    const ok = await fetch(`http://${host}/v2/`).then(
      (response) => response.ok || response.status === 401,
      () => false,
    );
    if (ok) return true;
    await sleep(50);
  }
  return false;
}

export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address() as AddressInfo;
      server.close(() => resolve(port));
    });
  });
}

function configuration(host: string, data: string): Record<string, unknown> {
  return {
    version: 0.1,
    log: { level: 'error', accesslog: { disabled: true } },
    storage: { filesystem: { rootdirectory: data }, delete: { enabled: true } },
    http: { addr: host },
  };
}
