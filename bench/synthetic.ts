// An image of many small files in one zstd layer, for seeing how time grows with the number of files. Needs no tools.
import { createHash } from 'node:crypto';
import { createReadStream, existsSync } from 'node:fs';
import { copyFile, mkdir, open, rename, rm, stat, writeFile } from 'node:fs/promises';
import { pipeline } from 'node:stream/promises';
import { createZstdCompress } from 'node:zlib';
import type { ImagePaths } from './image.ts';
import { type Descriptor, MANIFEST_TYPE } from './layout.ts';
import { VERSIONS, type Version } from './packages.ts';
import { say } from './shell.ts';

const BLOCK = 512;
const FILES_PER_DIRECTORY = 100;
const MAX_FILE_SIZE = 2000;
/** v2 differs from v1 in one file of this many. */
const CHANGED = 20;
const LAYER_TYPE = 'application/vnd.oci.image.layer.v1.tar+zstd';
const CONFIG_TYPE = 'application/vnd.oci.image.config.v1+json';

/** Builds the layout `zstd` and its tars if they are not there yet. */
export async function buildSynthetic(paths: ImagePaths, files: number): Promise<void> {
  if (existsSync(paths.layout('zstd'))) return;
  const partial = `${paths.layout('zstd')}.partial`;
  await rm(partial, { recursive: true, force: true });
  await mkdir(`${partial}/blobs/sha256`, { recursive: true });
  await mkdir(`${paths.directory}/tar`, { recursive: true });
  const manifests: Descriptor[] = [];
  for (const version of VERSIONS) {
    say(`synthetic image ${version}: ${files} files`);
    await writeTar(paths.tar(version, 0), files, version);
    const manifest = await writeImage(partial, paths.tar(version, 0));
    manifests.push({ ...manifest, annotations: { 'org.opencontainers.image.ref.name': version } });
  }
  await writeFile(`${partial}/oci-layout`, '{"imageLayoutVersion":"1.0.0"}');
  await writeFile(`${partial}/index.json`, JSON.stringify({ schemaVersion: 2, manifests }));
  await rename(partial, paths.layout('zstd'));
}

async function writeTar(path: string, files: number, version: Version): Promise<void> {
  const file = await open(path, 'w');
  let pieces: Buffer[] = [];
  const flush = async () => {
    await file.writeFile(Buffer.concat(pieces));
    pieces = [];
  };
  for (let index = 0; index < files; index += 1) {
    const directory = `data/${Math.floor(index / FILES_PER_DIRECTORY)}`;
    if (index === 0) pieces.push(header('data/', 0));
    if (index % FILES_PER_DIRECTORY === 0) pieces.push(header(`${directory}/`, 0));
    const content = contentOf(index, version);
    pieces.push(header(`${directory}/${index}.txt`, content.length), content);
    pieces.push(Buffer.alloc((BLOCK - (content.length % BLOCK)) % BLOCK));
    if (pieces.length > 3000) await flush();
  }
  // Exactly two zero blocks: some writers of zstd:chunked drop what is more.
  pieces.push(Buffer.alloc(2 * BLOCK));
  await flush();
  await file.close();
}

/** Text that compresses to about half, and that no other file has. */
function contentOf(index: number, version: Version): Buffer {
  const seed = version === 'v2' && index % CHANGED === 0 ? `${index} changed` : `${index}`;
  const size = (index * 7919) % MAX_FILE_SIZE;
  let text = '';
  for (let part = 0; text.length < size; part += 1)
    text += createHash('sha256').update(`${seed} ${part}`).digest('hex');
  return Buffer.from(text.slice(0, size));
}

/** https://www.gnu.org/software/tar/manual/html_node/Standard.html */
function header(name: string, size: number): Buffer {
  const block = Buffer.alloc(BLOCK);
  const isDirectory = name.endsWith('/');
  const octal = (value: number, at: number, width: number) =>
    block.write(value.toString(8).padStart(width - 1, '0'), at);
  block.write(name, 0);
  octal(isDirectory ? 0o755 : 0o644, 100, 8);
  octal(0, 108, 8);
  octal(0, 116, 8);
  octal(size, 124, 12);
  octal(1_700_000_000, 136, 12);
  block.fill(' ', 148, 156);
  block.write(isDirectory ? '5' : '0', 156);
  block.write('ustar\u000000', 257);
  octal(
    block.reduce((sum, byte) => sum + byte, 0),
    148,
    7,
  );
  return block;
}

/** Compresses the tar and writes config and manifest. */
async function writeImage(layout: string, tar: string): Promise<Descriptor> {
  const compressed = `${tar}.zst`;
  const file = await open(compressed, 'w');
  await pipeline(createReadStream(tar), createZstdCompress(), file.createWriteStream());
  const digest = await hashFile(compressed);
  const layer = { mediaType: LAYER_TYPE, digest, size: (await stat(compressed)).size };
  await copyFile(compressed, `${layout}/blobs/${digest.replace(':', '/')}`);
  await rm(compressed);
  const architecture = process.arch === 'x64' ? 'amd64' : process.arch;
  const rootfs = { type: 'layers', diff_ids: [await hashFile(tar)] };
  const config = await writeBlob(layout, CONFIG_TYPE, { architecture, os: 'linux', config: {}, rootfs });
  const manifest = { schemaVersion: 2, mediaType: MANIFEST_TYPE, config, layers: [layer] };
  return writeBlob(layout, MANIFEST_TYPE, manifest);
}

async function writeBlob(layout: string, mediaType: string, content: object): Promise<Descriptor> {
  const bytes = Buffer.from(JSON.stringify(content));
  const hex = createHash('sha256').update(bytes).digest('hex');
  await writeFile(`${layout}/blobs/sha256/${hex}`, bytes);
  return { mediaType, digest: `sha256:${hex}`, size: bytes.length };
}

async function hashFile(path: string): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(path), hash);
  return `sha256:${hash.digest('hex')}`;
}
