// A store that other images have filled: what of them is of no use must cost nothing, neither bytes nor a slower way.
import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { buildChunkedLayer } from '../support/chunked-layer.ts';
import { pullJson, scratch } from '../support/cli.ts';
import { startRegistry } from '../support/registry.ts';
import type { Fault } from '../support/registry-faults.ts';
import { seedFrame } from '../support/seed-frame.ts';
import { type BuiltLayer, writeLayout } from '../support/write-layout.ts';

const files = Array.from({ length: 12 }, (_, index) => ({
  name: `file${index}`,
  body: randomBytes(900_000),
}));
const others = Array.from({ length: 6 }, (_, index) => ({ name: `new${index}`, body: randomBytes(900_000) }));

function built(items: typeof files): BuiltLayer {
  const { blob, descriptor, diffId } = buildChunkedLayer(items);
  return { blob, mediaType: descriptor.mediaType, annotations: descriptor.annotations, diffId };
}

/** Repository `first`: one layer of twelve files; `second`: the same with half of them replaced. */
async function openRoom(faults: readonly Fault[] = []) {
  const dir = scratch();
  const first = built(files);
  writeLayout(dir.in('first'), 'v1', [first]);
  writeLayout(dir.in('second'), 'v1', [built([...files.slice(0, 6), ...others])]);
  const images = ['first', 'second'].map((repository) => ({ repository, layout: dir.in(repository) }));
  const registry = await startRegistry({ images, faults });
  return {
    dir,
    registry,
    size: first.blob.length,
    pull: (name: 'first' | 'second') =>
      pullJson([
        ...[`${registry.host}/${name}:v1`, dir.in('rootfs'), '--cache-dir', dir.in('cache')],
        ...['--platform', 'linux/amd64'],
      ]),
    checkTree(items: typeof files) {
      for (const { name, body } of items)
        expect(readFileSync(dir.in(`rootfs/${name}`)).equals(body)).toBe(true);
    },
    async [Symbol.asyncDispose]() {
      dir[Symbol.dispose]();
      await registry.close();
    },
  };
}

describe('the first pull of an image into a store of others', () => {
  it('fetches its layers whole, and each byte once', async () => {
    await using room = await openRoom();
    await seedFrame(room.dir.in('cache'));
    const result = await room.pull('first');
    room.checkTree(files);
    expect(result.layers).toMatchObject([{ way: 'whole', format: 'zstd:chunked', reason: null }]);
    expect(result['bytes-downloaded']).toBe(room.size);
    expect(await room.pull('first')).toMatchObject({ 'cache-hit': true, warnings: [] });
  });

  it('names its chunks, for the next image to share', async () => {
    await using room = await openRoom();
    await seedFrame(room.dir.in('cache'));
    await room.pull('first');
    const result = await room.pull('second');
    room.checkTree([...files.slice(0, 6), ...others]);
    expect(result.layers).toMatchObject([{ way: 'ranges' }]);
    expect(result['bytes-downloaded']).toBeLessThan(0.52 * room.size);
  });

  it('mends what arrives damaged', async () => {
    await using room = await openRoom([{ kind: 'corrupt', offset: 1_000_000, on: /blobs/, times: 3 }]);
    await seedFrame(room.dir.in('cache'));
    const { warnings } = await room.pull('first');
    room.checkTree(files);
    expect(warnings.join()).toMatch(/arrived damaged and is fetched again/);
    expect(await room.pull('first')).toMatchObject({ 'cache-hit': true, warnings: [] });
  });
});

describe('a server that ignores ranges', () => {
  it('is not made to send a layer twice', async () => {
    await using room = await openRoom([{ kind: 'ignore-ranges' }]);
    await seedFrame(room.dir.in('cache'));
    const result = await room.pull('first');
    room.checkTree(files);
    expect(result).toMatchObject({ 'bytes-downloaded': room.size, warnings: [] });
    expect(result.layers).toMatchObject([{ way: 'whole', reason: 'the server ignores ranges' }]);
    expect(room.registry.requests.filter(({ path }) => path.includes('/blobs/'))).toHaveLength(2);
  });

  it('only now and then is dealt with as it comes', async () => {
    await using room = await openRoom();
    await seedFrame(room.dir.in('cache'));
    await room.pull('first');
    room.registry.faults.add({ kind: 'ignore-ranges', on: /blobs/, after: 3 });
    const result = await room.pull('second');
    room.checkTree([...files.slice(0, 6), ...others]);
    expect(result.warnings).toEqual([]);
  });
});
