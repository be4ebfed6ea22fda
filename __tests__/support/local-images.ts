// Layouts and archives of images on disk, written file by file, and whole pulls of them without a door.
import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { gunzipSync, zstdDecompressSync } from 'node:zlib';
import { scanFrames } from '../../src/compression/zstd-frames.ts';
import { parseImageName, parseSeed } from '../../src/oci/image-name.ts';
import type { PullOptions } from '../../src/pull/options.ts';
import { pull } from '../../src/pull/pull.ts';
import type { PullResult } from '../../src/pull/result.ts';
import { type FixtureFormat, fixtureImage } from './fixture-image.ts';
import { END, tarEntry } from './tar-builder.ts';

/** By name; a text is the target of a symbolic link. */
export type Files = Readonly<Record<string, Uint8Array | string>>;

export const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');

export function json(value: unknown): Buffer {
  return Buffer.from(JSON.stringify(value));
}

export function readFiles(directory: string): Record<string, Uint8Array> {
  const entries = readdirSync(directory, { recursive: true, withFileTypes: true });
  const files = entries
    .filter((entry) => entry.isFile())
    .map(({ parentPath, name }) => join(parentPath, name));
  return Object.fromEntries(
    files.sort().map((path) => [path.slice(directory.length + 1), readFileSync(path)]),
  );
}

export function writeFiles(directory: string, files: Readonly<Record<string, Uint8Array>>): string {
  for (const [name, bytes] of Object.entries(files)) {
    mkdirSync(dirname(join(directory, name)), { recursive: true });
    writeFileSync(join(directory, name), bytes);
  }
  return directory;
}

export function toTar(files: Files): Buffer {
  const entries = Object.entries(files).map(([name, content]) =>
    typeof content === 'string'
      ? tarEntry({ name, type: '2', linkName: content })
      : tarEntry({ name, body: content }),
  );
  return Buffer.concat([...entries, END]);
}

/** Of a fixture, with names as old Docker (`<id>/layer.tar`) or go-containerregistry (compressed) gives them. */
export function dockerArchive(
  tag: string,
  format: FixtureFormat,
  style: 'legacy' | 'compressed',
): Record<string, Uint8Array> {
  const image = fixtureImage(tag, format);
  const config = image.bytes(image.config);
  const layers = image.layers.map((layer): [string, Buffer] => {
    const blob = image.bytes(layer);
    if (style === 'compressed') return [`${sha256(blob)}.tar.gz`, blob];
    return [`${sha256(Buffer.from(layer.digest))}/layer.tar`, uncompressed(blob)];
  });
  const Config = `${sha256(config)}.json`;
  const manifest = [{ Config, RepoTags: [`fixture/app:${tag}`], Layers: layers.map(([name]) => name) }];
  return { ...Object.fromEntries(layers), [Config]: config, 'manifest.json': json(manifest) };
}

function uncompressed(blob: Buffer): Buffer {
  if (blob[0] === 0x1f) return gunzipSync(blob);
  if (blob.readUInt32LE(0) !== 0xfd2fb528) return blob;
  // Node's decoder stops after the first frame.
  let end = 0;
  const frames = scanFrames(blob).map(({ skippable, compressedSize }) => {
    end += compressedSize;
    const frame = blob.subarray(end - compressedSize, end);
    return skippable ? Buffer.alloc(0) : zstdDecompressSync(frame);
  });
  return Buffer.concat(frames);
}

/** Into a directory of its own below `room`, with a store of its own unless told. */
export async function pullHere(
  room: string,
  image: string,
  {
    seeds = [],
    platform = 'amd64',
    store,
    env = {},
    tlsVerify = true,
    onEvent,
    ...more
  }: {
    seeds?: readonly string[];
    platform?: string;
    store?: string;
    env?: Readonly<Record<string, string>>;
    tlsVerify?: boolean;
    onEvent?: PullOptions['emit'];
  } & Partial<
    Pick<PullOptions, 'destination' | 'format' | 'load' | 'limits' | 'paths' | 'verify' | 'signal'>
  > = {},
): Promise<PullResult & { readonly notes: readonly string[]; readonly storeDirectory: string }> {
  const directory = mkdtempSync(join(room, 'pull-'));
  const notes: string[] = [];
  const storeDirectory = store ?? join(directory, 'store');
  const result = await pull({
    image: parseImageName(image),
    seeds: seeds.map(parseSeed),
    platform: { os: 'linux', architecture: platform },
    destination: join(directory, 'rootfs'),
    ownership: 'auto',
    limits: {},
    network: {
      hosts: { tlsVerify, mirrors: [], env, home: directory, uid: 0, root: directory },
      login: {},
      platform: 'linux',
    },
    storeDirectory,
    storeRead: true,
    storeWrite: true,
    concurrency: 4,
    emit: (event) => {
      onEvent?.(event);
      if (event.kind === 'info' || event.kind === 'warning') notes.push(event.message);
    },
    signal: new AbortController().signal,
    ...more,
  });
  return { ...result, notes, storeDirectory };
}
