// Faults that are not of the wire: what is asked for, what an image holds, what the store holds.
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { buildChunkedLayer, type ChunkedItem, type ChunkedLayerOptions } from '../support/chunked-layer.ts';
import { fixtureLayout } from '../support/fixture-image.ts';
import { runProgram } from '../support/program.ts';
import { startRegistry } from '../support/registry.ts';
import { seedFrame } from '../support/seed-frame.ts';
import { expectedTree, isRoot, listTree } from '../support/tree.ts';
import { writeLayout } from '../support/write-layout.ts';
import { type Row, testRows } from './row.ts';

const directory = mkdtempSync(join(tmpdir(), 'fates-'));
afterAll(() => rmSync(directory, { recursive: true, force: true }));

const nothingAsked: Row['log'] = ({ all }) => expect(all).toEqual([]);

const asked: readonly Row[] = [
  {
    name: 'a reference that is none',
    kind: 'plain',
    target: () => ':v1:v2',
    outcome: { code: 'REFERENCE_INVALID', message: /v1:v2/ },
    log: nothingAsked,
  },
  {
    name: 'a platform that is none',
    kind: 'plain',
    args: ['--platform', 'linux'],
    outcome: { code: 'INPUT_INVALID', message: /linux/ },
    log: nothingAsked,
  },
  {
    name: 'a limit that is none',
    kind: 'plain',
    args: ['--limit', 'entries=-1'],
    outcome: { code: 'INPUT_INVALID', message: /entries/ },
    log: nothingAsked,
  },
  {
    name: 'a platform the image is not for',
    kind: 'plain',
    args: ['--platform', 'linux/s390x'],
    outcome: { code: 'PLATFORM_NOT_FOUND', message: /linux\/s390x/ },
    log: ({ layer }) => expect(layer).toEqual([]),
  },
  {
    name: 'an image nobody has',
    kind: 'plain',
    target: () => ':nope',
    outcome: { code: 'NOT_FOUND', message: /manifest nope/, hint: /[Nn]o credential was sent/ },
  },
];

describe('what is asked for:', () => testRows(asked));

describe('what an image holds:', () => {
  let built = 0;
  /** A row about an image of one zstd:chunked layer; the suite's own image stands beside it. */
  function layout(items: readonly ChunkedItem[], options: ChunkedLayerOptions = {}): string {
    const { blob, descriptor, diffId } = buildChunkedLayer(items, options);
    const path = join(directory, `layout${built++}`);
    const { mediaType, annotations } = descriptor;
    writeLayout(path, 'v1', [{ blob, mediaType, annotations, diffId }]);
    return path;
  }

  async function pullBuilt(path: string) {
    const home = mkdtempSync(join(directory, 'home-'));
    await using registry = await startRegistry({ images: [{ repository: 'fx', layout: path }] });
    await seedFrame(join(home, 'cache'));
    const args = [`${registry.host}/fx:v1`, join(home, 'rootfs'), '--cache-dir', join(home, 'cache')];
    const run = await runProgram([...args, '--platform', 'linux/amd64'], { home });
    return { home, run, names: readdirSync(home) };
  }

  it.concurrent('a table of contents that cannot be read makes the layer plain, and says so', async () => {
    const path = layout([{ name: 'file', body: 'content '.repeat(99) }], { editTocText: () => '{' });
    const { home, run } = await pullBuilt(path);
    expect(run.stderr).not.toMatch(/^error/m);
    expect(run.result?.layers).toMatchObject([{ way: 'whole', reason: expect.stringContaining('TOC') }]);
    expect(readFileSync(join(home, 'rootfs/file'), 'utf8')).toBe('content '.repeat(99));
  });

  const unsafe: readonly (readonly [string, RegExp, readonly ChunkedItem[]])[] = [
    ['a path that leads out of the root', /\.\.\/evil/, [{ name: '../evil', body: 'evil' }]],
    [
      'a hard link to something outside',
      /"\.\.\/\.\.\/etc" leads out of the root \(layer 1, tar entry at byte 0\)/,
      [{ name: 'link', type: '1', linkName: '../../etc/passwd' }],
    ],
  ];
  it.concurrent.each(unsafe)('%s ends the pull, which names the entry', async (_, entry, items) => {
    const { run, names } = await pullBuilt(layout(items));
    expect(run.status).toBe(1);
    expect(run.stderr).toMatch(/^code: PATH_UNSAFE$/m);
    expect(run.stderr).toMatch(entry);
    expect(names.filter((name) => /rootfs|evil/.test(name))).toEqual([]);
  });
});

describe('what the store holds:', () => {
  async function withStore(harm: (cache: string) => void) {
    const home = mkdtempSync(join(directory, 'home-'));
    const images = [{ repository: 'fx', layout: fixtureLayout('zstd-chunked') }];
    await using registry = await startRegistry({ images });
    const cache = join(home, 'cache');
    const pull = (name: string) =>
      runProgram([`${registry.host}/fx:v1`, join(home, name), '--cache-dir', cache], { home });
    await pull('first');
    harm(cache);
    const run = await pull('second');
    expect(run.stderr).not.toMatch(/^error/m);
    if (isRoot()) expect(listTree(join(home, 'second'))).toEqual(expectedTree('v1'));
    return run.result;
  }

  function onlyPack(cache: string): string {
    const packs = join(cache, 'v1/packs');
    const [name = ''] = readdirSync(packs);
    return join(packs, name);
  }

  it.concurrent('a damaged chunk is dropped, fetched and told of', async () => {
    const result = await withStore((cache) => {
      const bytes = readFileSync(onlyPack(cache));
      const at = Math.floor(bytes.length / 2);
      writeFileSync(onlyPack(cache), bytes.fill(bytes.readUInt8(at) ^ 0xff, at, at + 1));
    });
    expect(result?.warnings.join()).toMatch(/damaged in the cache/);
    expect(result?.['bytes-downloaded']).toBeGreaterThan(0);
    expect(result?.['bytes-downloaded']).toBeLessThan(result?.['bytes-total'] ?? 0);
  });

  it.concurrent('a pack that cannot be read is a pack that is not there', async () => {
    const result = await withStore((cache) => {
      const pack = onlyPack(cache);
      rmSync(pack);
      mkdirSync(pack);
    });
    expect(result?.['bytes-downloaded']).toBe(result?.['bytes-total']);
  });
});
