// Packs that somebody else has put into the store, with names of what an image holds and other bytes under them. The tree is right, and
// what it costs is bounded.
import { spawn } from 'node:child_process';
import { hash, randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { text } from 'node:stream/consumers';
import { zstdCompressSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { MAX_INNER_OFFSET } from '../../src/bytes/inner-offset.ts';
import { buildChunkedLayer } from '../support/chunked-layer.ts';
import { CLI, type CliJson, scratch } from '../support/cli.ts';
import { type ForgedPiece, forgePack, plant } from '../support/forged-pack.ts';
import { startRegistry, type TestRegistry } from '../support/registry.ts';
import { writeLayout } from '../support/write-layout.ts';
import { type Block, buildFrame } from '../support/zstd-frame.ts';

const files = Array.from({ length: 12 }, (_, index) => ({ name: `file${index}`, body: randomBytes(90_000) }));
const { blob, descriptor, diffId } = buildChunkedLayer(files);
const layerHex = descriptor.digest.slice('sha256:'.length);
const chunks = files.map(({ body }) => ({ hex: hash('sha256', body, 'hex'), body }));

let registry: TestRegistry;
const layout = scratch();
beforeAll(async () => {
  const { mediaType, annotations } = descriptor;
  writeLayout(layout.path, 'v1', [{ blob, mediaType, annotations, diffId }]);
  registry = await startRegistry({ images: [{ repository: 'app', layout: layout.path }] });
});
afterAll(async () => {
  await registry.close();
  layout[Symbol.dispose]();
});

/** Megabytes of memory at most, and seconds. What a pull without a cache takes is a small part of both. */
const MOST = { megabytes: 400, seconds: 30 };

async function pull(root: string, cache: string) {
  const args = [CLI, `${registry.host}/app:v1`, root, '--cache-dir', cache, '--platform=linux/amd64'];
  const script = `process.on('exit', () => process.stderr.write('peak ' + process.resourceUsage().maxRSS));`;
  const preload = `data:text/javascript,${encodeURIComponent(script)}`;
  const started = performance.now();
  const child = spawn(process.execPath, ['--import', preload, ...args, '--json', '--quiet']);
  const [stdout, stderr] = await Promise.all([text(child.stdout), text(child.stderr)]);
  return {
    stderr: stderr.replace(/peak \d+$/, ''),
    result: JSON.parse(stdout || 'null') as CliJson | null,
    megabytes: Number(/peak (\d+)$/.exec(stderr)?.[1]) / 1000,
    seconds: (performance.now() - started) / 1000,
  };
}

/** About 32 GiB of zeros in a megabyte. */
function bomb(): Buffer {
  const blocks: Block[] = Array.from({ length: 250_000 }, () => ({ kind: 'rle', size: 128 << 10 }));
  return buildFrame({ blocks });
}

const asFrame = (bytes: Uint8Array) => zstdCompressSync(bytes);
const frames = (store: (body: Buffer) => Uint8Array): ForgedPiece[] =>
  chunks.map(({ hex, body }) => ({
    stored: store(body),
    entries: [{ form: 'frame', hex, size: body.length }],
  }));
const members = (stored: Uint8Array, innerOffset: (index: number) => number): ForgedPiece => ({
  stored,
  entries: chunks.map(({ hex, body }, index) => {
    return { form: 'frame', hex, size: body.length, innerOffset: innerOffset(index) };
  }),
});

const poisons: readonly (readonly [string, () => readonly ForgedPiece[]])[] = [
  [
    'other bytes under the name of a layer',
    () => [
      { stored: randomBytes(blob.length), entries: [{ form: 'blob', hex: layerHex, size: blob.length }] },
    ],
  ],
  [
    'a layer of zeros, with chunks that overlap in it',
    () => [
      {
        stored: Buffer.alloc(blob.length),
        entries: [
          { form: 'blob', hex: layerHex, size: blob.length },
          ...chunks
            .map(({ hex, body }, index) => {
              return { form: 'frame', hex, size: body.length, innerOffset: 0, offset: index } as const;
            })
            .map((entry) => ({ ...entry, compressedSize: blob.length - 100 })),
        ],
      },
    ],
  ],
  ['other bytes under the names of chunks', () => frames((body) => asFrame(randomBytes(body.length)))],
  ['what is no frame under the names of chunks', () => frames((body) => randomBytes(body.length))],
  ['chunks that are shorter than they are said to be', () => frames((body) => asFrame(body.subarray(1)))],
  [
    'chunks that are longer than they are said to be',
    () => frames((body) => asFrame(Buffer.concat([body, body]))),
  ],
  ['bombs under the names of chunks', () => frames(bomb)],
  ['chunks that all lie in the same place', () => [members(asFrame(randomBytes(90_000)), () => 0)]],
  [
    'chunks that lie behind the end of what holds them',
    () => [members(asFrame(randomBytes(90_000)), () => 2 ** 47)],
  ],
  ['chunks that lie deep in a bomb', () => [members(bomb(), (index) => (20 + index) * 2 ** 30)]],
  [
    'chunks that lie as deep in a bomb as they may',
    () => [members(bomb(), (index) => MAX_INNER_OFFSET - index)],
  ],
];

describe('a store with a pack that holds', () => {
  it.each(poisons)(
    '%s gives the right tree, at a bounded cost, and heals',
    { timeout: 120_000 },
    async (_, poison) => {
      using dir = scratch();
      plant(dir.in('cache'), forgePack(...poison()));
      const { result, stderr, megabytes, seconds } = await pull(dir.in('rootfs'), dir.in('cache'));
      expect({ stderr, done: result !== null }).toEqual({ stderr: '', done: true });
      for (const { name, body } of files)
        expect(readFileSync(dir.in(`rootfs/${name}`)).equals(body)).toBe(true);
      expect(result?.['cache-repairs']).toBeGreaterThan(0);
      expect(result?.['bytes-downloaded']).toBeLessThan(3 * blob.length);
      expect({ megabytes, isSmall: megabytes < MOST.megabytes }).toEqual({ megabytes, isSmall: true });
      expect({ seconds, isSoon: seconds < MOST.seconds }).toEqual({ seconds, isSoon: true });
      const again = await pull(dir.in('rootfs'), dir.in('cache'));
      expect(again.result).toMatchObject({ 'cache-hit': true, 'cache-repairs': 0, warnings: [] });
    },
  );
});
