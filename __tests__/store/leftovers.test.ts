import { spawnSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import {
  chownSync,
  existsSync,
  mkdirSync,
  readdirSync,
  renameSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { evict } from '../../src/store/evict.ts';
import { leaseName, processSpace, takeLease } from '../../src/store/lease.ts';
import { removeLeftovers } from '../../src/store/leftovers.ts';
import { leasesDirectory, packsDirectory, stagingDirectory } from '../../src/store/places.ts';
import { prepareStore } from '../../src/store/prepare.ts';
import { Staging } from '../../src/store/staging.ts';
import { ChunkStore } from '../../src/store/store.ts';
import { rejected } from '../support/pull-error.ts';
import { sampleBlob, stageBlobs } from '../support/store-samples.ts';
import { temporaryDirectories } from '../support/temporary.ts';

const newDirectory = temporaryDirectories();
const DAY_SECONDS = 24 * 3600;

function age(path: string, seconds: number): void {
  const then = Date.now() / 1000 - seconds;
  utimesSync(path, then, then);
}

describe('what a pull has left', () => {
  it('goes with the next one once its process is gone, and its lease last', async () => {
    const directory = newDirectory();
    await prepareStore(directory);
    const lease = leaseName({ started: 1, pid: spawnSync('true').pid, space: processSpace() });
    mkdirSync(leasesDirectory(directory));
    writeFileSync(join(leasesDirectory(directory), lease), '');
    const staged = [1, 2].map((number) =>
      join(stagingDirectory(directory), `${lease}-${String(number).padStart(16, '0')}`),
    );
    for (const file of staged) writeFileSync(file, 'twelve bytes');
    expect(await removeLeftovers(directory)).toBe(24);
    expect([...readdirSync(stagingDirectory(directory)), ...readdirSync(leasesDirectory(directory))]).toEqual(
      [],
    );
  });

  it('stays while it runs, however long that takes', async () => {
    const directory = newDirectory();
    await using lease = await takeLease(directory);
    const store = await ChunkStore.open(directory, true, { lease: lease.id });
    const staging = new Staging(store);
    await stageBlobs(staging, 0, [sampleBlob('one')]);
    const { path } = await staging.pack(0);
    age(path, 2 * DAY_SECONDS);
    expect(await removeLeftovers(directory)).toBe(0);
    expect(existsSync(path)).toBe(true);
    await staging.discard();
  });

  it('and is nobody’s goes after a day', async () => {
    const directory = newDirectory();
    await prepareStore(directory);
    const places = [
      join(stagingDirectory(directory), '1-0123456789abcdef'),
      join(packsDirectory(directory), `${'a'.repeat(40)}.${randomUUID()}.partial`),
      join(packsDirectory(directory), `head.${randomUUID()}.partial.${randomUUID()}.partial`),
    ];
    for (const path of places) writeFileSync(path, 'x');
    for (const path of places) age(path, DAY_SECONDS - 60);
    expect(await removeLeftovers(directory)).toBe(0);
    for (const path of places) age(path, DAY_SECONDS + 60);
    expect(await removeLeftovers(directory)).toBe(3);
    expect(places.filter(existsSync)).toEqual([]);
  });

  it('is passed over where it cannot be removed, and where there is no store', async () => {
    const directory = newDirectory();
    expect(await removeLeftovers(join(directory, 'none'))).toBe(0);
    await prepareStore(directory);
    const place = join(stagingDirectory(directory), '1-0123456789abcdef');
    mkdirSync(join(place, 'full'), { recursive: true });
    age(place, 2 * DAY_SECONDS);
    expect(await removeLeftovers(directory)).toBe(0);
    expect(existsSync(place)).toBe(true);
  });
});

describe('what no pull has made', () => {
  it.each(['notes.txt', '1-x', '1-0123456789abcdeF', 'x1-0123456789abcdef', 'lease-0123456789abcdef'])(
    'stays in the staging area, however old: %s',
    async (name) => {
      const directory = newDirectory();
      await prepareStore(directory);
      const path = join(stagingDirectory(directory), name);
      writeFileSync(path, 'x');
      age(path, 2 * DAY_SECONDS);
      expect(await removeLeftovers(directory)).toBe(0);
      expect(existsSync(path)).toBe(true);
    },
  );

  it.each(['film.partial', `${'a'.repeat(40)}.partial`, `${'a'.repeat(40)}.uuid.partial`])(
    'stays among the packs, however old: %s',
    async (name) => {
      const directory = newDirectory();
      await prepareStore(directory);
      const path = join(packsDirectory(directory), name);
      writeFileSync(path, 'x');
      age(path, 2 * DAY_SECONDS);
      expect(await removeLeftovers(directory)).toBe(0);
      expect(existsSync(path)).toBe(true);
    },
  );

  const places: [string, (store: string) => string][] = [
    ['v1', (store) => dirname(packsDirectory(store))],
    ['packs', packsDirectory],
    ['staging', stagingDirectory],
    ['leases', leasesDirectory],
  ];

  it.each(places)('is not reached through a link in the place of %s', async (_, place) => {
    const [directory, elsewhere] = [newDirectory(), newDirectory()];
    await prepareStore(directory);
    await using lease = await takeLease(directory);
    const staged = join(stagingDirectory(directory), '1-0123456789abcdef');
    writeFileSync(staged, 'x');
    age(staged, 2 * DAY_SECONDS);
    renameSync(place(directory), join(elsewhere, 'moved'));
    symlinkSync(join(elsewhere, 'moved'), place(directory));
    for (const use of [prepareStore, removeLeftovers, takeLease, tidy])
      expect(await rejected('STORE_FAILED', use(directory))).toMatchObject({
        message: expect.stringContaining(`${place(directory)} of the chunk store is a link`),
      });
    expect([lease.id.length > 0, existsSync(staged)]).toEqual([true, true]);
  });

  it('is not taken for a store where a file is in the place of a directory', async () => {
    const directory = newDirectory();
    await prepareStore(directory);
    rmSync(stagingDirectory(directory), { recursive: true });
    writeFileSync(stagingDirectory(directory), '');
    await rejected('STORE_FAILED', prepareStore(directory));
  });

  it.runIf(process.getuid?.() === 0).each(places)(
    'is not touched where %s belongs to another user',
    async (_, place) => {
      const directory = newDirectory();
      await prepareStore(directory);
      mkdirSync(leasesDirectory(directory));
      chownSync(place(directory), 12345, 12345);
      for (const use of [prepareStore, removeLeftovers, takeLease, tidy])
        expect(await rejected('STORE_FAILED', use(directory))).toMatchObject({
          message: expect.stringContaining('belongs to the user with the number 12345'),
        });
    },
  );

  const tidy = (directory: string) => evict(directory, { maxBytes: 0 });
});
