// Images of many layers, and stores that are wrong about all of them.
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { beforeAll, describe, expect, it } from 'vitest';
import { buildChunkedLayer } from '../support/chunked-layer.ts';
import { pullJson, runCli, scratch } from '../support/cli.ts';
import { startRegistry } from '../support/registry.ts';
import { seedFrame } from '../support/seed-frame.ts';
import { wrongEntries } from '../support/verify-packs.ts';
import { type BuiltLayer, writeLayout } from '../support/write-layout.ts';

const LAYERS = 7;
const PLATFORM = ['--platform', 'linux/amd64'];

interface SampleLayer extends BuiltLayer {
  /** An offset in the blob that matters. */
  readonly place: number;
}

/** Layer n holds a file of its own and one that all of them share, twice. */
function layersOf(format: 'gzip' | 'zstd-chunked'): SampleLayer[] {
  return Array.from({ length: LAYERS }, (_, index) => {
    const shared = 'shared '.repeat(50);
    const items = [
      { name: `own-${index}`, body: `layer ${index} `.repeat(100) },
      { name: `shared-${index}`, body: shared },
      { name: `again-${index}`, body: shared },
    ];
    const { blob, descriptor, diffId, tar, chunks } = buildChunkedLayer(items);
    const { mediaType, annotations } = descriptor;
    if (format === 'zstd-chunked')
      return { blob, mediaType, annotations, diffId, place: (chunks[0]?.end ?? 0) - 5 };
    return {
      blob: gzipSync(tar),
      mediaType: 'application/vnd.oci.image.layer.v1.tar+gzip',
      diffId,
      place: 300,
    };
  });
}

/** Turns every stored byte over and leaves the table, so that the store looks sound. */
function spoil(cache: string, spared: readonly string[]): void {
  const directory = join(cache, 'v1/packs');
  for (const name of readdirSync(directory).filter((each) => !spared.includes(each))) {
    const pack = readFileSync(join(directory, name));
    const tableOffset = Number(pack.readBigUInt64LE(pack.length - 48));
    for (let at = 0; at < tableOffset; at++) pack[at] = (pack[at] ?? 0) ^ 0xff;
    writeFileSync(join(directory, name), pack);
  }
}

describe.each([
  ['gzip', 'whole'],
  ['zstd-chunked', 'whole'],
  ['zstd-chunked', 'in chunks'],
] as const)(`an image of ${LAYERS} %s layers, %s,`, (format, way) => {
  let layers: SampleLayer[];
  beforeAll(() => {
    layers = layersOf(format);
  });

  it('is pulled although its store is wrong about every one of them, and the store heals', async () => {
    using dir = scratch();
    writeLayout(dir.in('layout'), 'v1', layers);
    await using registry = await startRegistry({ images: [{ repository: 'fx', layout: dir.in('layout') }] });
    const seeds = way === 'in chunks' ? [`${await seedFrame(dir.in('cache'))}.pack`] : [];
    const pull = () =>
      pullJson([`${registry.host}/fx:v1`, dir.in('rootfs'), '--cache-dir', dir.in('cache'), ...PLATFORM]);
    await pull();
    spoil(dir.in('cache'), seeds);
    await pull();
    expect(readFileSync(dir.in('rootfs/own-6'), 'utf8')).toBe('layer 6 '.repeat(100));
    expect(await wrongEntries(dir.in('cache'))).toEqual([]);
    expect(await pull()).toMatchObject({ 'cache-hit': true, warnings: [] });
  });

  it('keeps nothing under a wrong name when one layer is damaged on the way once', async () => {
    using dir = scratch();
    writeLayout(dir.in('layout'), 'v1', layers);
    const { digest } = JSON.parse(readFileSync(join(dir.in('layout'), 'index.json'), 'utf8')).manifests[0];
    const manifest = JSON.parse(
      readFileSync(join(dir.in('layout'), 'blobs/sha256', digest.slice(7)), 'utf8'),
    );
    if (way === 'in chunks') await seedFrame(dir.in('cache'));
    await using registry = await startRegistry({
      images: [{ repository: 'fx', layout: dir.in('layout') }],
      faults: [
        {
          kind: 'corrupt',
          offset: layers[0]?.place ?? 0,
          on: manifest.layers[0].digest,
          // The first request is for TOC and tar-split.
          after: way === 'in chunks' ? 1 : 0,
          times: 1,
        },
        // The operating system byte of the gzip header: nothing but the digest of the blob can tell.
        ...(format === 'gzip'
          ? [{ kind: 'corrupt', offset: 9, on: manifest.layers[3].digest } as const]
          : []),
      ],
    });
    const { status, stderr } = await runCli([
      `${registry.host}/fx:v1`,
      dir.in('rootfs'),
      '--cache-dir',
      dir.in('cache'),
      ...PLATFORM,
    ]);
    expect(status).toBe(format === 'gzip' ? 1 : 0);
    expect(stderr).toContain('arrived damaged and is fetched again');
    expect(await wrongEntries(dir.in('cache'))).toEqual([]);
  });
});
