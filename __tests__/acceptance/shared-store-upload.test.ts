// A store that outlives the job holds the layers of every image that was pulled through it. What goes from there to the Actions cache is
// for everybody who can read that cache, so it must be of the image that was pulled, and of nothing else.
import { hash, randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runJobHere } from '../support/action-here.ts';
import { CacheService } from '../support/cache-service.ts';
import { buildChunkedLayer } from '../support/chunked-layer.ts';
import { scratch } from '../support/cli.ts';
import { startRegistry, type TestRegistry } from '../support/registry.ts';
import { file, tar } from '../support/tar-builder.ts';
import { type BuiltLayer, writeLayout } from '../support/write-layout.ts';

/** Bytes that do not compress stand in a pack as they are. */
const bodies = { base: randomBytes(1 << 20), secret: randomBytes(1 << 20), own: randomBytes(1 << 20) };
type Name = keyof typeof bodies;

const kinds = {
  plain: (names: readonly Name[]) => names.map((name) => plain(name)),
  'zstd:chunked': (names: readonly Name[]) => [chunked(names)],
};
type Kind = keyof typeof kinds;

function plain(name: Name): BuiltLayer {
  const blob = tar(file(name, bodies[name]));
  const mediaType = 'application/vnd.oci.image.layer.v1.tar';
  return { blob, mediaType, diffId: `sha256:${hash('sha256', blob, 'hex')}` };
}

function chunked(names: readonly Name[]): BuiltLayer {
  const items = names.map((name) => ({ name, body: bodies[name] }));
  const { blob, descriptor, diffId } = buildChunkedLayer(items);
  return { blob, mediaType: descriptor.mediaType, annotations: descriptor.annotations, diffId };
}

const dir = scratch();
let registry: TestRegistry;
beforeAll(async () => {
  const images = Object.entries(kinds).flatMap(([kind, layersOf]) =>
    (['secret', 'own'] as const).map((name) => {
      const repository = `${kind.replace(':', '-')}/${name}`;
      const layout = dir.in(repository.replace('/', '-'));
      writeLayout(layout, 'v1', layersOf(['base', name]));
      return { repository, layout };
    }),
  );
  registry = await startRegistry({ images });
});
afterAll(async () => {
  await registry.close();
  dir[Symbol.dispose]();
});

async function openRoom(kind: Kind) {
  const service = await CacheService.start();
  const store = dir.in(`store-${randomBytes(4).toString('hex')}`);
  const pull = async (name: 'secret' | 'own', mode: string, cacheDirectory = store) => {
    const image = `${registry.host}/${kind.replace(':', '-')}/${name}:v1`;
    const inputs = { image, platform: 'linux/amd64', 'cache-mode': mode, 'cache-dir': cacheDirectory };
    const job = await runJobHere({ env: service.environment(), inputs });
    expect(job).toMatchObject({ exitCode: 0 });
    return job;
  };
  const uploaded = () => service.entries.finalized().flatMap(({ id }) => service.blobs.get(id) ?? []);
  const holds = (name: Name) => uploaded().some((bytes) => bytes.includes(bodies[name].subarray(5000, 6000)));
  return { service, pull, uploaded, holds, [Symbol.asyncDispose]: () => service.close() };
}

describe.each(Object.keys(kinds) as Kind[])('an image of %s layers in a store of others', (kind) => {
  it('is saved without what they have in the same packs', async () => {
    await using room = await openRoom(kind);
    await room.pull('secret', 'auto');
    expect(room.uploaded()).toEqual([]);
    const { log } = await room.pull('own', 'write');
    expect([room.holds('own'), room.holds('secret')]).toEqual([true, false]);
    expect(log).toContain('1 pack of the store hold other images');
    const elsewhere = await room.pull('own', 'write', dir.in('fresh'));
    expect(Number(elsewhere.outputs['bytes-from-cache'])).toBeGreaterThan(1 << 20);
    expect([room.holds('base'), room.holds('secret')]).toEqual([true, false]);
  });

  it('is saved from the store as a whole where it has packs of its own', async () => {
    await using room = await openRoom(kind);
    await room.pull('own', 'auto');
    const { log } = await room.pull('own', 'write');
    expect([room.holds('base'), room.holds('own')]).toEqual([true, true]);
    expect(log).not.toContain('other images');
  });
});
