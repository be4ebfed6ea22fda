import { existsSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { main } from '../../src/cli/main.ts';
import { takeLease } from '../../src/store/lease.ts';
import { packsDirectory, stagingDirectory } from '../../src/store/places.ts';
import { ChunkStore } from '../../src/store/store.ts';
import { pullResult } from '../support/pull-result.ts';
import { addPack } from '../support/store-samples.ts';
import { temporaryDirectories } from '../support/temporary.ts';

const newDirectory = temporaryDirectories();

async function cache(directory: string, ...argv: string[]) {
  let [stdout, stderr] = ['', ''];
  const status = await main({
    argv: ['cache', ...argv],
    env: { XDG_CACHE_HOME: directory },
    cwd: directory,
    platform: 'linux',
    arch: 'x64',
    uid: 1000,
    home: directory,
    stdin: Readable.from([]),
    stdout: (text) => {
      stdout += text;
    },
    stderr: (text) => {
      stderr += text;
    },
    columns: () => undefined,
    interrupt: {
      signal: new AbortController().signal,
      exitStatus: () => undefined,
      dispose: () => undefined,
    },
    pull: async () => pullResult(),
  });
  return { status, stdout, stderr, json: () => JSON.parse(stdout) };
}

/** A cache directory with `oci-pull` in it; the packs were last used in this order. */
async function filled(...packs: string[][]) {
  const base = newDirectory();
  const directory = join(base, 'oci-pull');
  const store = await ChunkStore.open(directory, true);
  const made: { key: string; path: string }[] = [];
  for (const texts of packs) {
    const pack = await addPack(store, texts);
    const then = Date.now() / 1000 - 3600 + made.length;
    utimesSync(pack.path, then, then);
    made.push(pack);
  }
  return { base, directory, packs: made, there: () => made.map(({ path }) => existsSync(path)) };
}

function spoil(path: string | undefined, at: number): void {
  const bytes = readFileSync(path ?? '');
  bytes[at] = (bytes[at] ?? 0) ^ 1;
  writeFileSync(path ?? '', bytes);
}

describe('cache ls', () => {
  it('lists packs, those first that were not used for the longest time', async () => {
    const { base, packs } = await filled(['one', 'two'], ['three']);
    const { status, stdout } = await cache(base, 'ls');
    expect(status).toBe(0);
    expect(stdout).toMatch(
      new RegExp(`^${packs[0]?.key} .* 2 chunks\n${packs[1]?.key} .* 1 chunk\n.*: 2 packs, `),
    );
  });

  it('lists them as JSON, and the pulls that run', async () => {
    const { base, directory, packs } = await filled(['one']);
    await using _lease = await takeLease(directory);
    const { stdout, json } = await cache(base, 'ls', '--json');
    expect(stdout.trimEnd()).not.toContain('\n');
    const size = readFileSync(packs[0]?.path ?? '').length;
    const used = expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:]{8}Z$/);
    expect(json()).toEqual({
      directory,
      bytes: size,
      'running-pulls': 1,
      packs: [{ key: packs[0]?.key, size, chunks: 1, 'used-at': used }],
    });
  });

  it('changes nothing, also where there is nothing', async () => {
    const { base, packs } = await filled(['one']);
    spoil(packs[0]?.path, readFileSync(packs[0]?.path ?? '').length - 1);
    expect((await cache(base, 'ls')).stdout).toContain('no pack, or unreadable');
    expect(existsSync(packs[0]?.path ?? '')).toBe(true);
    const nowhere = join(base, 'none');
    expect(await cache(base, 'ls', '--cache-dir', nowhere)).toMatchObject({ status: 2, stdout: '' });
    expect(existsSync(nowhere)).toBe(false);
  });

  it('fails where the directory is none', async () => {
    const { base } = await filled();
    rmSync(packsDirectory(join(base, 'oci-pull')), { recursive: true });
    writeFileSync(packsDirectory(join(base, 'oci-pull')), '');
    const { status, stdout, stderr } = await cache(base, 'ls');
    expect({ status, stdout }).toEqual({ status: 1, stdout: '' });
    expect(stderr).toContain('code: STORE_FAILED');
  });
});

describe('cache verify', () => {
  it('is content with what is right', async () => {
    const { base } = await filled(['one', 'two'], ['three']);
    const { status, stdout } = await cache(base, 'verify');
    expect(status).toBe(0);
    expect(stdout).toMatch(/: 2 packs, 3 chunks; 0 packs damaged\n$/);
  });

  it('reports damage, ends with 1, and leaves it', async () => {
    const { base, packs, there } = await filled(['one', 'two'], ['three'], ['four']);
    spoil(packs[0]?.path, 0);
    spoil(packs[1]?.path, readFileSync(packs[1]?.path ?? '').length - 1);
    const { status, stdout } = await cache(base, 'verify');
    expect(status).toBe(1);
    expect(stdout).toContain(`${packs[0]?.key}: 1 of 2 chunks are damaged\n`);
    expect(stdout).toContain(`${packs[1]?.key}: it is not a whole pack\n`);
    expect(stdout).toMatch(/3 packs, 3 chunks; 2 packs damaged\n$/);
    expect(there()).toEqual([true, true, true]);
  });

  it('removes damaged packs when asked to', async () => {
    const { base, packs, there } = await filled(['one', 'two'], ['three']);
    spoil(packs[0]?.path, 0);
    const { status, json } = await cache(base, 'verify', '--remove-damaged', '--json');
    expect(status).toBe(0);
    expect(json()).toMatchObject({
      removed: 1,
      damaged: [{ key: packs[0]?.key, chunks: [expect.any(String)] }],
    });
    expect(there()).toEqual([false, true]);
    expect(await cache(base, 'verify')).toMatchObject({ status: 0 });
  });
});

describe('cache prune', () => {
  it('removes what does not fit, longest unused first', async () => {
    const { base, packs, there } = await filled(['one'], ['two'], ['three']);
    const size = readFileSync(packs[2]?.path ?? '').length;
    const { status, json } = await cache(base, 'prune', `--max-size=${size}`, '--json');
    expect(status).toBe(0);
    expect(json()).toMatchObject({ 'removed-packs': 2, bytes: size });
    expect(there()).toEqual([false, false, true]);
  });

  it('removes no pack that fits, and what killed pulls have left', async () => {
    const { base, directory, there } = await filled(['one']);
    const left = join(stagingDirectory(directory), '1-0123456789abcdef');
    writeFileSync(left, 'seven b');
    utimesSync(left, 1, 1);
    expect((await cache(base, 'prune')).stdout).toContain('removed 0 packs (0 B) and 7 B of killed pulls');
    expect([...there(), existsSync(left)]).toEqual([true, false]);
  });

  it('empties the store, but for what is in use', async () => {
    const { base, directory, there } = await filled(['one'], ['two']);
    {
      await using _lease = await takeLease(directory);
      await addPack(await ChunkStore.open(directory, true), ['new']);
      expect((await cache(base, 'prune', '--max-size=0')).stdout).toContain(
        'more than it may: the rest is in use',
      );
    }
    expect(there()).toEqual([false, false]);
    expect((await cache(base, 'prune', '--max-size=0', '--json')).json()).toMatchObject({ bytes: 0 });
  });

  it('refuses a size that is none', async () => {
    const { base } = await filled();
    const { status, stderr } = await cache(base, 'prune', '--max-size=many');
    expect(status).toBe(2);
    expect(stderr).toContain('--max-size is "many"');
  });
});

it('prints its help', async () => {
  const { status, stdout } = await cache(newDirectory(), '--help');
  expect(status).toBe(0);
  expect(stdout).toMatch(/^usage: oci-pull cache ls\|verify\|prune/);
  expect(Math.max(...stdout.split('\n').map((line) => line.length))).toBeLessThanOrEqual(120);
});
