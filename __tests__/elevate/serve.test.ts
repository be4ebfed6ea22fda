// The root process without sudo: this process plays it, so these tests need root.
import { chownSync, mkdirSync, readdirSync, renameSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { PassThrough } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { readMessages, writeMessage } from '../../src/elevate/frames.ts';
import { inodeOf } from '../../src/elevate/inode.ts';
import type { Message, Reply, Unpack } from '../../src/elevate/protocol.ts';
import { serveAsRoot } from '../../src/elevate/serve.ts';
import { newStagingPath } from '../../src/elevate/staging-name.ts';
import { PullError } from '../../src/errors.ts';
import { ProgressBoard } from '../../src/workers/progress-board.ts';
import { temporaryDirectories } from '../support/temporary.ts';
import { isRoot } from '../support/tree.ts';

const USER = 54_321;
const LIMIT = 1 << 20;
const OUTCOME = {
  kind: 'done',
  layers: [],
  report: { entries: 1, skipped: { count: 0, byKind: { device: 0, fifo: 0, xattr: 0 }, named: [] } },
} as const;

const newDirectory = temporaryDirectories();

function start(unpack: Unpack) {
  const [input, output] = [new PassThrough(), new PassThrough()];
  const ended = serveAsRoot(unpack, USER, { input, output });
  const replies = readMessages(output, LIMIT);
  return {
    ended,
    send: (message: Message) => writeMessage(input, message, LIMIT),
    leave: () => input.end(),
    next: async () => (await replies.next()).value as Reply,
  };
}

async function stage() {
  const parent = newDirectory();
  chownSync(parent, USER, USER);
  const path = newStagingPath(join(parent, 'rootfs'));
  mkdirSync(path, { mode: 0o700 });
  chownSync(path, USER, USER);
  return { path, inode: (await inodeOf(path)) ?? '' };
}

async function unpackRequest(counters = 1) {
  const root = await stage();
  return { kind: 'unpack', root, job: { files: [], layers: [] }, counters } as const;
}

/** Writes one file, then waits until it is cancelled. */
const unpackForEver: Unpack = ({ root }, { signal }) =>
  new Promise((_, reject) => {
    writeFileSync(join(root, 'half'), '');
    signal.addEventListener('abort', () => reject(new PullError('ABORTED', 'cancelled')));
  });

describe.skipIf(!isRoot() || process.platform !== 'linux')('the root process (needs root)', () => {
  it('says that it is there, unpacks with the owners of the image, and tells of events', async () => {
    const seen: unknown[] = [];
    const server = start(async ({ root, owner, files }, { onEvent }) => {
      seen.push(owner, files);
      writeFileSync(join(root, 'file'), '');
      onEvent({ layer: 0, entries: 1 });
      return OUTCOME;
    });
    expect(await server.next()).toEqual({ kind: 'ready' });
    const request = await unpackRequest();
    server.send(request);
    expect(await server.next()).toEqual({ kind: 'event', event: { layer: 0, entries: 1 } });
    expect(await server.next()).toEqual({ kind: 'done', output: OUTCOME });
    expect(seen).toEqual(['preserve', []]);
    expect(readdirSync(request.root.path)).toEqual(['file']);
    renameSync(request.root.path, join(dirname(request.root.path), 'rootfs'));
    server.leave();
    await server.ended;
    expect(readdirSync(dirname(request.root.path))).toEqual(['rootfs']);
  });

  it('hears of bytes that have arrived', async () => {
    const server = start(async ({ board }) => {
      await new ProgressBoard(board).waitFor(1, 30);
      return OUTCOME;
    });
    await server.next();
    server.send(await unpackRequest(2));
    for (const amount of [10, 20])
      server.send({ kind: 'progress', counters: Uint32Array.of(1), amounts: Float64Array.of(amount) });
    expect(await server.next()).toEqual({ kind: 'done', output: OUTCOME });
    server.leave();
    await server.ended;
  });

  it('stops when it is asked to, and takes the tree away on request', async () => {
    const server = start(unpackForEver);
    await server.next();
    const { root, ...request } = await unpackRequest();
    server.send({ ...request, root });
    server.send({ kind: 'abort' });
    expect(await server.next()).toMatchObject({ kind: 'failed', error: { code: 'ABORTED' } });
    server.send({ kind: 'remove', tree: root });
    expect(await server.next()).toEqual({ kind: 'done', output: undefined });
    expect(readdirSync(dirname(root.path))).toEqual([]);
    server.leave();
    await server.ended;
  });

  it('unpacks anew after it was asked to stop, from files that arrive', async () => {
    const jobs: unknown[] = [];
    const server = start(async (job, hooks) => {
      jobs.push(job.arriving);
      if (jobs.length === 1) return unpackForEver(job, hooks);
      await new ProgressBoard(job.board).waitFor(0, 7);
      return OUTCOME;
    });
    await server.next();
    const { root, ...request } = await unpackRequest();
    const job = { ...request.job, files: ['/a', '/b'], arriving: [-1, 0] };
    server.send({ ...request, root, job });
    server.send({ kind: 'abort' });
    expect(await server.next()).toMatchObject({ kind: 'failed', error: { code: 'ABORTED' } });
    server.send({ kind: 'remove', tree: root });
    expect(await server.next()).toEqual({ kind: 'done', output: undefined });
    server.send({ ...request, root: await stage(), job });
    server.send({ kind: 'progress', counters: Uint32Array.of(0), amounts: Float64Array.of(7) });
    expect(await server.next()).toEqual({ kind: 'done', output: OUTCOME });
    expect(jobs).toEqual([
      [-1, 0],
      [-1, 0],
    ]);
    server.leave();
    await server.ended;
  });

  it('calls cancelled what was cancelled, even if it came to an end', async () => {
    const server = start(
      (_, { signal }) => new Promise((resolve) => signal.addEventListener('abort', () => resolve(OUTCOME))),
    );
    await server.next();
    server.send(await unpackRequest());
    server.send({ kind: 'abort' });
    expect(await server.next()).toMatchObject({ kind: 'failed', error: { code: 'ABORTED' } });
    server.leave();
    await server.ended;
  });

  it('stops and leaves nothing half-made where the other process is gone', async () => {
    const server = start(unpackForEver);
    await server.next();
    const request = await unpackRequest();
    server.send(request);
    server.leave();
    await server.ended;
    expect(readdirSync(dirname(request.root.path))).toEqual([]);
  });

  it('reports why it could not, and goes on', async () => {
    const server = start(async () => {
      throw new PullError('TAR_INVALID', 'a bad layer', { hint: 'mend it' });
    });
    await server.next();
    server.send(await unpackRequest());
    const error = { code: 'TAR_INVALID', message: 'a bad layer', hint: 'mend it' };
    expect(await server.next()).toEqual({ kind: 'failed', error });
    server.send({ kind: 'remove', tree: { path: '/etc', inode: (await inodeOf('/etc')) ?? '' } });
    expect(await server.next()).toMatchObject({ kind: 'failed', error: { code: 'UNPACK_FAILED' } });
    server.leave();
    await server.ended;
  });

  it('ends where it is asked for two things at once', async () => {
    const server = start(unpackForEver);
    await server.next();
    const request = await unpackRequest();
    server.send(request);
    server.send(request);
    await server.ended;
    expect(readdirSync(dirname(request.root.path))).toEqual([]);
  });
});
