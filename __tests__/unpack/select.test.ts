import { describe, expect, it } from 'vitest';
import { packEntries } from '../../src/layer/packed-entries.ts';
import { type SelectJob, selectFiles } from '../../src/unpack/select.ts';
import { rejected } from '../support/pull-error.ts';
import { file, hardlink, pax, symlink, tar } from '../support/tar-builder.ts';
import { tocLayer } from '../support/toc-layer.ts';

type Layer = readonly Buffer[] | undefined;

/** By layer: the names of the files that are needed; undefined for a layer of which nothing is known. */
async function needed(layers: readonly Layer[], more: Partial<SelectJob> = {}) {
  const tocs = layers.map((items) => items && tocLayer(tar(...items)));
  const job = {
    layers: tocs.map((toc) => toc && packEntries(toc.entries)),
    owner: 'runner',
    besides: [],
  } as const;
  const found = await selectFiles({ ...job, ...more });
  return found.map((files, layer) => {
    const entries = tocs[layer]?.entries ?? [];
    // What the flags say of chunks is what they say of files.
    const chunks = entries.flatMap(({ firstChunk, endChunk }, entry) =>
      Array(endChunk - firstChunk).fill(files?.flags[entry] ?? 0),
    );
    if (files) expect([...files.chunks]).toEqual(chunks);
    return files && entries.flatMap(({ entry }, index) => (files.flags[index] === 1 ? [entry.path] : []));
  });
}

describe('selectFiles', () => {
  it('needs what no upper layer deletes or replaces', async () => {
    const lower = [file('a', '1'), file('b', '2'), file('d/c', '3'), file('d/e', '4'), file('f', '5')];
    const upper = [file('.wh.a'), file('b', 'new'), file('d/.wh..wh..opq'), file('d/e', 'new')];
    expect(await needed([lower, upper])).toEqual([['f'], ['b', 'd/e']]);
  });

  it('needs the last of several entries of one name', async () => {
    expect(await needed([[file('a', '1'), file('a', '2')]])).toEqual([['a']]);
    const [files] = await selectFiles({
      layers: [packEntries(tocLayer(tar(file('a', '1'), file('a', '2'))).entries)],
      owner: 'runner',
      besides: [],
    });
    expect([...(files?.flags ?? [])]).toEqual([0, 1]);
  });

  it('needs what matches, where it stands in the tree', async () => {
    const layer = [file('usr/lib/x', '1'), symlink('lib', 'usr/lib'), file('lib/y', '2'), file('z', '3')];
    expect(await needed([layer], { paths: ['usr/lib/*'] })).toEqual([['usr/lib/x', 'lib/y']]);
  });

  it('needs what a hard link leads to, also of a name that is gone', async () => {
    const lower = [file('a', '1'), hardlink('b', 'a'), file('c', '2')];
    const upper = [file('.wh.a'), hardlink('d', 'b')];
    expect(await needed([lower, upper], { paths: ['d'] })).toEqual([['a'], []]);
  });

  it('guesses for layers of which nothing is known, and takes what it is told besides', async () => {
    const upper = [hardlink('x', 'in-the-unknown-layer'), file('y', '1'), file('z', '2')];
    expect(await needed([undefined, upper], { paths: ['x', 'y'] })).toEqual([undefined, ['y']]);
    const besides = [
      { layer: 1, entry: 2 },
      { layer: 0, entry: 0 },
    ];
    expect(await needed([undefined, upper], { paths: ['y'], besides })).toEqual([undefined, ['y', 'z']]);
  });

  it('fails where the image is larger than its limits', async () => {
    await rejected('LIMIT_EXCEEDED', needed([[file('a'), file('b'), file('c')]], { limits: { entries: 2 } }));
  });

  it('asks of a name what patterns say of its directory once, however deep that is and however many entries it has', async () => {
    const deep = Array(1000).fill('n').join('/');
    const files = Array.from({ length: 10_000 }, (_, at) => file(`${at % 2 ? 'p' : 'q'}/f${at}`));
    const layer = [
      pax(['linkpath', `${deep}/p`]),
      symlink('p', ''),
      pax(['linkpath', `${deep}/q`]),
      symlink('q', ''),
      ...files,
    ];
    const paths = Array.from({ length: 100 }, (_, at) => `**/x${at}/**/*.conf`);
    const start = performance.now();
    expect(await needed([layer], { paths: [...paths, '**/f9999'] })).toEqual([['p/f9999']]);
    // Held against the whole path, each of them took 3 ms.
    expect(performance.now() - start).toBeLessThan(10_000);
  });

  it('looks for entries behind links that lead nowhere only as long as is sound', async () => {
    const link = (name: string, target: string) => [
      pax(['linkpath', `${'d'.repeat(250)}/../${target}`]),
      symlink(name, ''),
    ];
    const loop = [...link('a', 'b'), ...link('b', 'a')];
    const lost = Array.from({ length: 4500 }, (_, at) => file(`a/f${at}`));
    expect(await needed([[...loop, ...lost.slice(0, 1000), file('x')]])).toEqual([['x']]);
    const { message } = await rejected('LIMIT_EXCEEDED', needed([[...loop, ...lost]]));
    expect(message).toContain('symbolic links');
  });
});
