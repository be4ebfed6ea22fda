import { execFile } from 'node:child_process';
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { packsDirectory } from '../../src/store/places.ts';
import { prepareStore } from '../../src/store/prepare.ts';
import { readPack } from '../../src/store/read-pack.ts';
import { Staging } from '../../src/store/staging.ts';
import { ChunkStore } from '../../src/store/store.ts';
import { rejected } from '../support/pull-error.ts';
import { addPack, packBytes, readStored, sampleBlob, stageBlobs } from '../support/store-samples.ts';
import { temporaryDirectories } from '../support/temporary.ts';

const newDirectory = temporaryDirectories();
const [one, two, three] = ['one', 'two', 'three'].map(sampleBlob) as [Blob, Blob, Blob];
type Blob = ReturnType<typeof sampleBlob>;

const open = (directory: string) => ChunkStore.open(directory, true);
const stagingOf = (directory: string) => join(directory, 'v1/staging');
const packsOf = (directory: string) => readdirSync(packsDirectory(directory)).sort();

async function storeWith(...packs: string[][]) {
  const directory = newDirectory();
  const empty = await open(directory);
  const made = [];
  for (const texts of packs) made.push(await addPack(empty, texts));
  return { directory, store: await open(directory), packs: made };
}

describe('ChunkStore.open', () => {
  it('makes the directories, for the owner only', async () => {
    const directory = join(newDirectory(), 'deep/er');
    await open(directory);
    expect(packsOf(directory)).toEqual([]);
    expect(readdirSync(stagingOf(directory))).toEqual([]);
    for (const made of [directory, packsDirectory(directory), stagingOf(directory)])
      expect(statSync(made).mode & 0o777).toBe(0o700);
  });

  it('finds what is in its packs', async () => {
    const { store, packs } = await storeWith(['one', 'two'], ['three']);
    expect(readStored(store.find('blob', one.key))).toBe('one');
    expect(readStored(store.find('blob', two.key))).toBe('two');
    expect(store.find('blob', three.key)).toEqual({
      path: packs[1]?.path,
      offset: 0,
      compressedSize: 5,
      size: 5,
    });
    expect(store.packAt(packs[0]?.path ?? '')).toMatchObject({ key: packs[0]?.key });
  });

  it('does not find what is not there, nor a blob as a frame', async () => {
    const { store } = await storeWith(['one']);
    expect(store.find('blob', two.key)).toBeUndefined();
    expect(store.find('frame', one.key)).toBeUndefined();
  });

  it('starts out empty where it must not read', async () => {
    const { directory } = await storeWith(['one']);
    const store = await ChunkStore.open(directory, false);
    expect(store.find('blob', one.key)).toBeUndefined();
    expect(packsOf(directory)).toHaveLength(1);
  });

  it('finds a chunk that is in two packs in the first of them by name, each time', async () => {
    const { store, packs } = await storeWith(['one', 'two'], ['one', 'three']);
    const first = packs.map(({ path }) => path).sort()[0];
    expect(store.find('blob', one.key)?.path).toBe(first);
  });

  it.each<[string, (pack: Buffer) => Buffer]>([
    ['is empty', () => Buffer.alloc(0)],
    ['is shorter than a trailer', (pack) => pack.subarray(0, 63)],
    ['is cut off', (pack) => pack.subarray(0, -1)],
    ['has a wrong byte in its table', (pack) => flip(pack, pack.length - 70)],
    ['has a wrong byte in its trailer', (pack) => flip(pack, pack.length - 1)],
    ['is something else', () => Buffer.alloc(5000, 'x')],
  ])('passes over a pack that %s, and removes it', async (_, damage) => {
    const { directory, packs } = await storeWith(['one'], ['two']);
    const path = packs[0]?.path ?? '';
    writeFileSync(path, damage(readFileSync(path)));
    const store = await open(directory);
    expect(store.find('blob', one.key)).toBeUndefined();
    expect(readStored(store.find('blob', two.key))).toBe('two');
    expect(existsSync(path)).toBe(false);
    expect(store.isDamaged).toBe(false);
  });

  it('leaves alone what is not called like a pack', async () => {
    const { directory } = await storeWith(['one']);
    const names = [
      'README',
      `${'a'.repeat(40)}.pack.tmp`,
      `${'A'.repeat(40)}.pack`,
      `${'a'.repeat(39)}.pack`,
    ];
    for (const name of names) writeFileSync(join(packsDirectory(directory), name), packBytes([two]));
    const store = await open(directory);
    expect(store.find('blob', two.key)).toBeUndefined();
    expect(packsOf(directory)).toEqual(expect.arrayContaining(names));
  });

  it('leaves alone what cannot be read', async () => {
    const { directory } = await storeWith(['one']);
    const path = join(packsDirectory(directory), `${'b'.repeat(40)}.pack`);
    mkdirSync(path);
    writeFileSync(join(path, 'x'), '');
    expect(readStored((await open(directory)).find('blob', one.key))).toBe('one');
    expect(existsSync(path)).toBe(true);
  });

  it('takes a pack under another name for what it holds', async () => {
    const { directory, packs } = await storeWith(['one']);
    copyFileSync(packs[0]?.path ?? '', join(packsDirectory(directory), `${'0'.repeat(40)}.pack`));
    expect((await open(directory)).find('blob', one.key)?.path).toContain('000000');
  });

  it('fails where the directory is a file', async () => {
    const path = join(newDirectory(), 'file');
    writeFileSync(path, '');
    await rejected('STORE_FAILED', open(path));
    await rejected('STORE_FAILED', open(join(path, 'below')));
  });

  it('removes staging files of pulls that died, once they are a day old', async () => {
    const directory = newDirectory();
    await prepareStore(directory);
    const [old, recent] = ['1-0123456789abcdef', '2-0123456789abcdef'].map((name) =>
      join(stagingOf(directory), name),
    ) as [string, string];
    for (const path of [old, recent]) writeFileSync(path, 'x');
    const now = Date.now() / 1000;
    utimesSync(old, now, now - 25 * 3600);
    utimesSync(recent, now, now - 23 * 3600);
    await open(directory);
    expect([existsSync(old), existsSync(recent)]).toEqual([false, true]);
  });
});

describe('readPack', () => {
  it('reads the table of a pack, or finds none', async () => {
    const path = join(newDirectory(), 'x');
    writeFileSync(path, packBytes([one, two]));
    expect(await readPack(path, 'k')).toMatchObject({
      key: 'k',
      path,
      blobs: [{ hex: one.hex }, { hex: two.hex }],
    });
    writeFileSync(path, 'no pack');
    expect(await readPack(path, 'k')).toBeUndefined();
  });
});

describe('a damaged chunk', () => {
  it('is not found again, while the others are', async () => {
    const { store, packs } = await storeWith(['one', 'two']);
    store.forget('blob', one.key);
    expect(store.find('blob', one.key)).toBeUndefined();
    expect(store.find('blob', two.key)?.path).toBe(packs[0]?.path);
    expect(store.isDamaged).toBe(true);
  });

  it('takes its pack along when the damaged ones are removed', async () => {
    const { directory, store, packs } = await storeWith(['one', 'two'], ['three']);
    store.forget('blob', one.key);
    await store.removeDamaged(new Set());
    expect(packsOf(directory)).toEqual([`${packs[1]?.key}.pack`]);
    expect(store.isDamaged).toBe(false);
  });

  it('does not take along the good pack that has taken the place of its own', async () => {
    const { directory, store, packs } = await storeWith(['one', 'two']);
    store.forget('blob', one.key);
    const again = await addPack(store, ['one', 'two']);
    expect(again.path).toBe(packs[0]?.path);
    await store.removeDamaged(new Set([again.path]));
    expect(packsOf(directory)).toEqual([`${again.key}.pack`]);
  });

  it('is found anew once it has been fetched again', async () => {
    const { store } = await storeWith(['one', 'two']);
    store.forget('blob', one.key);
    const staging = new Staging(store);
    await stageBlobs(staging, 0, [one]);
    expect(readStored(store.find('blob', one.key))).toBe('one');
    expect(store.isStored('blob', one.key)).toBe(false);
    await staging.discard();
  });

  it('that this pull fetched itself does not count against the store', async () => {
    const store = await open(newDirectory());
    const staging = new Staging(store);
    await stageBlobs(staging, 0, [one]);
    store.forget('blob', one.key);
    expect(store.isDamaged).toBe(false);
    expect(store.find('blob', one.key)).toBeUndefined();
    await staging.discard();
  });

  it('that nobody knows changes nothing', async () => {
    const { store } = await storeWith(['one']);
    store.forget('blob', two.key);
    expect(store.isDamaged).toBe(false);
  });
});

describe('several processes', () => {
  const script = fileURLToPath(new URL('../support/seal-pack.ts', import.meta.url));
  const run = promisify(execFile);

  it('that make the same pack at once leave one whole pack', async () => {
    const directory = newDirectory();
    const texts = ['one', 'two', 'x'.repeat(100_000)];
    const runs = [1, 2, 3].map(() => run(process.execPath, [script, directory, ...texts]));
    const keys = (await Promise.all(runs)).map(({ stdout }) => stdout);
    expect(new Set(keys).size).toBe(1);
    expect(packsOf(directory)).toEqual([`${keys[0]}.pack`]);
    expect(readdirSync(stagingOf(directory))).toEqual([]);
    expect(readStored((await open(directory)).find('blob', two.key))).toBe('two');
  });
});

function flip(bytes: Buffer, at: number): Buffer {
  bytes[at] = (bytes[at] ?? 0) ^ 0xff;
  return bytes;
}
