// The built program against a real registry: parts of images are the filtered tree, and of chunked layers only their chunks travel.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type CliJson, pullJson, runCli, scratch } from '../support/cli.ts';
import {
  type DockerRegistry,
  pushLayout,
  skipDockerRegistry,
  startDockerRegistry,
} from '../support/docker-registry.ts';
import { fixtureLayout } from '../support/fixture-image.ts';
import { memberMinimum } from '../support/member-minimum.ts';
import { namedFiles, partMinimum } from '../support/toc-minimum.ts';
import { expectedTree, isRoot, listTree, type TreeRecord } from '../support/tree.ts';

const FORMATS = ['gzip', 'zstd-chunked', 'zstd-chunked-legacy', 'zstd-chunked-stargz', 'estargz'] as const;

/** The expected tree without what is neither wanted nor above anything that is. */
function filtered(tag: string, isWanted: (path: string) => boolean): TreeRecord[] {
  const all = expectedTree(tag);
  const wanted = all.filter(({ path }) => path !== '' && isWanted(path)).map(({ path }) => path);
  const kept = all.filter(
    ({ path }) => path === '' || wanted.some((name) => name === path || name.startsWith(`${path}/`)),
  );
  const names = new Map<string, string[]>();
  for (const { hard, path } of kept)
    if (hard !== undefined) names.set(hard, [...(names.get(hard) ?? []), path]);
  return kept.map(({ hard, ...record }) => {
    const [first = '', ...others] = names.get(hard ?? '') ?? [];
    return others.length > 0 ? { ...record, hard: first } : record;
  });
}

const isBelow = (directory: string) => (path: string) =>
  path === directory || path.startsWith(`${directory}/`);

const CASES: readonly (readonly [globs: readonly string[], isWanted: (path: string) => boolean])[] = [
  [['etc/**'], isBelow('etc')],
  [['srv', '!srv/many/**'], (path) => isBelow('srv')(path) && !isBelow('srv/many')(path)],
  // The content of both is that of srv/big.bin and of srv/dup1, which do not match.
  [['srv/hard.bin', 'srv/dup1-link'], (path) => path === 'srv/hard.bin' || path === 'srv/dup1-link'],
  [['**/*.gz', '**/.*'], (path) => /\.gz$/.test(path) || /(^|\/)\.[^/]*$/.test(path)],
];

/** Is it in the tree, and from this layer? Of two layers, the upper one wins. */
function survives(tag: string): (name: string, layer: number) => boolean {
  const inTree = new Set(expectedTree(tag).flatMap(({ path, type }) => (type === 'file' ? [path] : [])));
  const layers = namedFiles(tag);
  return (name, layer) => inTree.has(name) && !layers.slice(layer + 1).some((upper) => upper.has(name));
}

describe.skipIf(skipDockerRegistry())('parts of images', () => {
  let registry: DockerRegistry;

  beforeAll(async () => {
    registry = await startDockerRegistry();
    for (const format of FORMATS) await pushLayout(registry.host, `fx/${format}`, fixtureLayout(format));
  });
  afterAll(() => registry.close());

  const pull = (image: string, dir: ReturnType<typeof scratch>, ...more: string[]): Promise<CliJson> =>
    pullJson([`${registry.host}/fx/${image}`, dir.in('rootfs'), '--cache-dir', dir.in('cache'), ...more]);
  const paths = (globs: readonly string[]) => globs.flatMap((glob) => ['--path', glob]);

  const rows = FORMATS.flatMap((format) =>
    CASES.map(([globs, isWanted]) => [format, globs, isWanted] as const),
  );

  it.skipIf(!isRoot()).each(rows)(
    'of %s that match %j are the filtered tree',
    async (format, globs, isWanted) => {
      using dir = scratch();
      await pull(`${format}:v1`, dir, ...paths(globs));
      expect(listTree(dir.in('rootfs'))).toEqual(filtered('v1', isWanted));
      const update = await pull(`${format}:v2`, dir, ...paths(globs));
      expect(listTree(dir.in('rootfs'))).toEqual(filtered('v2', isWanted));
      expect(update.part?.['file-bytes']).toBeLessThan(update.part?.['file-bytes-total'] ?? 0);
    },
  );

  it('move their chunks and the tables of contents, and nothing else', async () => {
    using dir = scratch();
    const result = await pull('zstd-chunked:v1', dir, '--path', 'etc/**');
    const isAlive = survives('v1');
    const least = partMinimum({ to: 'v1' }, (name, layer) => isBelow('etc')(name) && isAlive(name, layer));
    // What lies between two files is fetched along where that costs less than a request; in so small an image it shows.
    expect(result['bytes-downloaded']).toBeLessThanOrEqual(least + 8192);
    expect(result['bytes-downloaded']).toBeLessThan(0.3 * result['bytes-total']);
    expect(result.layers.map(({ chain }) => chain)).toEqual(['toc', 'toc']);
    const again = await pull('zstd-chunked:v1', dir, '--path', 'etc/**');
    expect(again).toMatchObject({ 'cache-hit': true, 'bytes-downloaded': 0 });
  });

  it('of plain layers are proven by the diff_id, and the whole layer by its digest once it is kept', async () => {
    using dir = scratch();
    const chains = async () =>
      (await pull('gzip:v1', dir, '--path', 'etc/**')).layers.map(({ chain }) => chain);
    expect(await chains()).toEqual(['diff-id', 'diff-id']);
    expect(await chains()).toEqual(['digest', 'digest']);
  });

  it.skipIf(!isRoot())('are not taken for the whole image by the next pull, which shares them', async () => {
    using dir = scratch();
    const part = await pull('zstd-chunked:v1', dir, '--path', 'etc/**');
    const whole = await pull('zstd-chunked:v1', dir);
    expect(listTree(dir.in('rootfs'))).toEqual(expectedTree('v1'));
    expect(whole['bytes-downloaded']).toBeGreaterThan(0);
    expect(whole['bytes-downloaded'] + 0.5 * part['bytes-downloaded']).toBeLessThan(whole['bytes-total']);
    expect(whole.layers.map(({ chain }) => chain)).toEqual(['diff-id', 'diff-id']);
  });

  it('that nothing matches end the pull with the globs by name, and leave no destination', async () => {
    using dir = scratch();
    const image = `${registry.host}/fx/zstd-chunked:v1`;
    const run = await runCli([image, dir.in('rootfs'), '--cache-dir', dir.in('cache'), '--path', 'ETC/**']);
    expect(run.status).toBe(1);
    expect(run.stderr).toContain('INPUT_INVALID');
    expect(run.stderr).toContain('"ETC/**"');
    expect(() => listTree(dir.in('rootfs'))).toThrow();
  });
});

describe.skipIf(skipDockerRegistry())('verify: toc', () => {
  let registry: DockerRegistry;

  beforeAll(async () => {
    registry = await startDockerRegistry();
    for (const format of FORMATS) await pushLayout(registry.host, `fx/${format}`, fixtureLayout(format));
  });
  afterAll(() => registry.close());

  const pull = (image: string, dir: ReturnType<typeof scratch>): Promise<CliJson> =>
    pullJson([
      `${registry.host}/fx/${image}`,
      dir.in('rootfs'),
      '--cache-dir',
      dir.in('cache'),
      '--verify',
      'toc',
    ]);

  it.skipIf(!isRoot()).each(FORMATS)('gives the expected trees of %s', async (format) => {
    using dir = scratch();
    for (const tag of ['v1', 'v2']) {
      await pull(`${format}:${tag}`, dir);
      expect(listTree(dir.in('rootfs'))).toEqual(expectedTree(tag));
    }
  });

  it.each(['estargz', 'zstd-chunked-stargz'] as const)(
    'moves of %s the members that hold what is needed and new, and little besides',
    async (format) => {
      using dir = scratch();
      const alive: Record<string, ReturnType<typeof survives>> = { v1: survives('v1'), v2: survives('v2') };
      const isNeeded = (tag: string, name: string, layer: number) => alive[tag]?.(name, layer) ?? false;
      const first = await pull(`${format}:v1`, dir);
      expect(first.layers.map(({ chain }) => chain)).toEqual(['toc', 'toc']);
      expect(first['bytes-downloaded']).toBeLessThanOrEqual(
        1.05 * (await memberMinimum(format, { to: 'v1' }, isNeeded)),
      );
      const update = await pull(`${format}:v2`, dir);
      expect(update['bytes-downloaded']).toBeLessThanOrEqual(
        1.05 * (await memberMinimum(format, { from: 'v1', to: 'v2' }, isNeeded)),
      );
      const again = await pull(`${format}:v2`, dir);
      expect(again).toMatchObject({ 'cache-hit': true, 'bytes-downloaded': 0 });
    },
  );

  it('leaves out what an upper layer deletes or replaces, in a first pull and in an update', async () => {
    using dir = scratch();
    const first = await pull('zstd-chunked:v1', dir);
    expect(first['bytes-downloaded']).toBeLessThanOrEqual(1.05 * partMinimum({ to: 'v1' }, survives('v1')));
    expect(first.layers.map(({ chain }) => chain)).toEqual(['toc', 'toc']);
    const update = await pull('zstd-chunked:v2', dir);
    const alive = { v1: survives('v1'), v2: survives('v2') };
    const least = partMinimum({ from: 'v1', to: 'v2' }, (name, layer, tag) =>
      alive[tag as 'v1'](name, layer),
    );
    expect(update['bytes-downloaded']).toBeLessThanOrEqual(1.05 * least);
    const again = await pull('zstd-chunked:v2', dir);
    expect(again).toMatchObject({ 'cache-hit': true, 'bytes-downloaded': 0 });
  });
});
