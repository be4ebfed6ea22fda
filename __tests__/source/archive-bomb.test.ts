import { spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { localContext } from '../../src/pull/archive-work.ts';
import { openArchive } from '../../src/source/archive.ts';
import type { LocalContext } from '../../src/source/local-context.ts';
import { rejected } from '../support/pull-error.ts';
import { temporaryDirectories } from '../support/temporary.ts';
import { buildFrame } from '../support/zstd-frame.ts';

const temporary = temporaryDirectories();

const BLOCK_BYTES = 128 << 10;
const BOMB_BYTES = 2 ** 31;

/** A file of 64 KiB in a single frame. */
function writeBomb(directory: string): string {
  const path = join(directory, 'bomb.tar.zst');
  const block = { kind: 'rle', size: BLOCK_BYTES } as const;
  const blocks = Array.from({ length: BOMB_BYTES / BLOCK_BYTES }, () => block);
  writeFileSync(path, buildFrame({ blocks }));
  return path;
}

/** Of what was unpacked there until now; undefined before there is a file. */
function unpackedBytes(directory: string): number | undefined {
  const [inside] = readdirSync(directory);
  const stats = inside && statSync(join(directory, inside, 'archive.tar'), { throwIfNoEntry: false });
  return stats ? stats.size : undefined;
}

describe('a small archive that decompresses to very much', () => {
  it.each<[where: string, contextOf: (context: LocalContext) => LocalContext]>([
    ['this thread', (context) => context],
    ['a thread of its own', (context) => localContext({ ...context, emit: () => undefined })],
  ])('is given up by %s when the pull is cancelled, and leaves nothing', async (_, contextOf) => {
    const temporaryDirectory = temporary();
    const cancel = new AbortController();
    let isOver = false;
    let unpacked = 0;
    const opened = openArchive(
      writeBomb(temporary()),
      contextOf({ signal: cancel.signal, temporaryDirectory }),
    );
    const outcome = rejected('ABORTED', opened).finally(() => {
      isOver = true;
    });
    while (!isOver) {
      unpacked = Math.max(unpacked, unpackedBytes(temporaryDirectory) ?? 0);
      if (unpacked > 0) cancel.abort();
      await setImmediate();
    }
    await outcome;
    expect(unpacked).toBeGreaterThan(0);
    expect(unpacked).toBeLessThan(BOMB_BYTES / 4);
    expect(readdirSync(temporaryDirectory)).toEqual([]);
  });

  const small = join(temporary(), 'small');
  mkdirSync(small);
  /** With a disk of 4 MiB there, which nobody else sees and which ends with the command. */
  const onSmallDisk = (...command: readonly string[]) =>
    spawnSync(
      'unshare',
      ['-rm', 'sh', '-c', 'mount -t tmpfs -o size=4m tmpfs "$0" && exec "$@"', small, ...command],
      { encoding: 'utf8' },
    );

  it.skipIf(onSmallDisk('true').status !== 0)('that fills the disk says which, and leaves nothing', () => {
    const module = (path: string) => JSON.stringify(new URL(`../../src/${path}`, import.meta.url).href);
    const script = `import { readdirSync } from 'node:fs';
      import { openArchive } from ${module('source/archive.ts')};
      import { localContext } from ${module('pull/archive-work.ts')};
      const context = { temporaryDirectory: ${JSON.stringify(small)}, signal: new AbortController().signal };
      const found = [];
      for (const each of [context, localContext(context)])
        await openArchive(${JSON.stringify(writeBomb(temporary()))}, each).catch(({ code, message, hint }) => {
          found.push({ code, message, hint, left: readdirSync(context.temporaryDirectory) });
        });
      console.log(JSON.stringify(found));`;
    const file = join(temporary(), 'open.mjs');
    writeFileSync(file, script);
    const { stdout, stderr } = onSmallDisk(process.execPath, file);
    expect(stderr).not.toContain('Error');
    const full = {
      code: 'DISK_FULL',
      message: expect.stringContaining(`no space left in ${small}`),
      hint: expect.stringContaining('decompress the archive first'),
      left: [],
    };
    expect(JSON.parse(stdout)).toEqual([full, full]);
  });
});
