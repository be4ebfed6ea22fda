// A pull that is stopped in the middle never leaves a directory that looks complete.
import { spawn } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { CLI, pullJson, scratch } from '../support/cli.ts';
import { fixtureLayout } from '../support/fixture-image.ts';
import { startRegistry, type TestRegistry } from '../support/registry.ts';
import { seedFrame } from '../support/seed-frame.ts';

let registry: TestRegistry;
beforeAll(async () => {
  registry = await startRegistry({
    images: [{ repository: 'fx', layout: fixtureLayout('zstd-chunked') }],
    faults: [{ kind: 'slow', milliseconds: 60, on: '/blobs/' }],
  });
});
afterAll(() => registry.close());

/** Starts a pull and stops it by `signal` once it has begun to receive layers: after so many requests for blobs. */
async function stopInTheMiddle(
  destination: string,
  cache: string,
  { signal, requests = 3 }: { signal: NodeJS.Signals; requests?: number },
): Promise<number | null> {
  const before = registry.requests.length;
  const child = spawn(process.execPath, [
    CLI,
    `${registry.host}/fx:v1`,
    destination,
    '--cache-dir',
    cache,
    '--quiet',
  ]);
  const ended = new Promise<number | null>((resolve) => child.on('close', resolve));
  const isFetching = () =>
    registry.requests.slice(before).filter(({ path }) => path.includes('/blobs/')).length >= requests;
  while (!isFetching() && child.exitCode === null) await new Promise((resolve) => setTimeout(resolve, 10));
  child.kill(signal);
  return ended;
}

describe('a pull stopped in the middle', () => {
  it.each([
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ] as const)('by %s cleans up and exits with %i', async (signal, status) => {
    using dir = scratch();
    expect(await stopInTheMiddle(dir.in('rootfs'), dir.in('cache'), { signal })).toBe(status);
    expect(readdirSync(dir.path)).toEqual(['cache']);
    expect(readdirSync(dir.in('cache/v1/staging'))).toEqual([]);
    expect(readdirSync(dir.in('cache/v1/packs'))).toEqual([]);
  });

  it('while it takes layers apart cleans up as well', async () => {
    using dir = scratch();
    const seed = await seedFrame(dir.in('cache'));
    // The config, and for each layer its metadata; then the chunks.
    const stop = { signal: 'SIGTERM', requests: 4 } as const;
    expect(await stopInTheMiddle(dir.in('rootfs'), dir.in('cache'), stop)).toBe(143);
    expect(readdirSync(dir.path)).toEqual(['cache']);
    expect(readdirSync(dir.in('cache/v1/staging'))).toEqual([]);
    expect(readdirSync(dir.in('cache/v1/packs'))).toEqual([`${seed}.pack`]);
  });

  it('by SIGKILL leaves no destination, and the next pull is not disturbed by what is left', async () => {
    using dir = scratch();
    await stopInTheMiddle(dir.in('rootfs'), dir.in('cache'), { signal: 'SIGKILL' });
    expect(existsSync(dir.in('rootfs'))).toBe(false);
    expect(existsSync(dir.in('rootfs.oci-pull.json'))).toBe(false);
    await pullJson([`${registry.host}/fx:v1`, dir.in('rootfs'), '--cache-dir', dir.in('cache')]);
    expect(existsSync(dir.in('rootfs/etc'))).toBe(true);
  });

  it('leaves the result of an earlier pull as it was', async () => {
    using dir = scratch();
    await pullJson([`${registry.host}/fx:v2`, dir.in('rootfs'), '--cache-dir', dir.in('cache-a')]);
    await stopInTheMiddle(dir.in('rootfs'), dir.in('cache-b'), { signal: 'SIGTERM' });
    expect(existsSync(dir.in('rootfs/etc'))).toBe(true);
    expect(existsSync(dir.in('rootfs.oci-pull.json'))).toBe(true);
  });
});
