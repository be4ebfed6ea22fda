import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { leaseName, processSpace, takeLease } from '../../src/store/lease.ts';
import { removeLeftovers } from '../../src/store/leftovers.ts';
import { leasesDirectory, packsDirectory, stagingDirectory } from '../../src/store/places.ts';
import { Staging } from '../../src/store/staging.ts';
import { ChunkStore, prepareStore } from '../../src/store/store.ts';
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
    const staged = [1, 2].map((number) => join(stagingDirectory(directory), `${lease}-${number}`));
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
      join(stagingDirectory(directory), '1-x'),
      join(packsDirectory(directory), `${'a'.repeat(40)}.uuid.partial`),
    ];
    for (const path of places) writeFileSync(path, 'x');
    for (const path of places) age(path, DAY_SECONDS - 60);
    expect(await removeLeftovers(directory)).toBe(0);
    for (const path of places) age(path, DAY_SECONDS + 60);
    expect(await removeLeftovers(directory)).toBe(2);
    expect(places.filter(existsSync)).toEqual([]);
  });

  it('is passed over where it cannot be removed, and where there is no store', async () => {
    const directory = newDirectory();
    expect(await removeLeftovers(join(directory, 'none'))).toBe(0);
    await prepareStore(directory);
    const place = join(stagingDirectory(directory), 'directory');
    mkdirSync(join(place, 'full'), { recursive: true });
    age(place, 2 * DAY_SECONDS);
    expect(await removeLeftovers(directory)).toBe(0);
    expect(existsSync(place)).toBe(true);
  });
});
