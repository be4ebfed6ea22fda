// Builds layers as stargz-snapshotter does, in memory: eStargz and its zstd:chunked, whole or broken on purpose.
import { gzipSync, zstdCompressSync } from 'node:zlib';
import { digestOf } from '../../src/integrity/hash.ts';
import type { Descriptor } from '../../src/oci/descriptor.ts';
import type { Digest } from '../../src/oci/digest.ts';
import { bytesOf, END, padded, type TarItem, tarHeader } from './tar-builder.ts';
import { skippableFrame } from './zstd-frame.ts';

export interface StargzLayerOptions {
  /** eStargz by default. */
  readonly compression?: 'gzip' | 'zstd';
  /** Bytes of content that a chunk holds at most. */
  readonly chunkSize?: number;
  /** A member goes on until it holds this much, so several chunks share it. */
  readonly minChunkSize?: number;
  /** As BuildKit does: the archive ends before the TOC, and the TOC is an archive of its own. */
  readonly lossless?: boolean;
  readonly footer?: 'estargz' | 'stargz' | 'external';
  readonly editToc?: (toc: StargzToc) => unknown;
}

export interface StargzEntry {
  name: string;
  type: string;
  size?: number;
  modtime?: string;
  linkName?: string;
  mode?: number;
  uid?: number;
  gid?: number;
  offset?: number;
  innerOffset?: number;
  digest?: string;
  chunkOffset?: number;
  chunkSize?: number;
  chunkDigest?: string;
  xattrs?: Record<string, string>;
}

export interface StargzToc {
  version: number;
  entries: StargzEntry[];
}

export interface StargzLayer {
  readonly descriptor: Descriptor;
  readonly blob: Buffer;
  readonly diffId: Digest;
  readonly tocText: string;
  readonly dataEnd: number;
  /** Content of the chunks, in order. */
  readonly chunks: readonly Buffer[];
}

export const PREFETCH_LANDMARK: TarItem = { name: '.prefetch.landmark', body: '\x0f', mtime: 0 };

const TYPES: Readonly<Record<string, string>> = { '0': 'reg', '1': 'hardlink', '2': 'symlink', '5': 'dir' };

export function buildStargzLayer(items: readonly TarItem[], options: StargzLayerOptions = {}): StargzLayer {
  const compress = options.compression === 'zstd' ? zstdCompressSync : gzipSync;
  const writer = new MemberWriter(compress, options);
  for (const item of items) writer.add(item);
  const body = writer.finish();
  const toc = { version: 1, entries: body.entries };
  const tocText = JSON.stringify(options.editToc?.(toc) ?? toc, undefined, '\t');
  const layer = { tocText, dataEnd: body.data.length, chunks: body.chunks };
  const jsonDigest = digestOf(Buffer.from(tocText));
  const annotations: Record<string, string> = Object.assign(Object.create(null), {
    'containerd.io/snapshot/stargz/toc.digest': jsonDigest,
  });
  if (options.compression === 'zstd') {
    const frame = zstdCompressSync(tocText);
    const position = [body.data.length + 8, frame.length, Buffer.byteLength(tocText), 1];
    annotations['io.containers.zstd-chunked.manifest-checksum'] = digestOf(frame);
    annotations['io.containers.zstd-chunked.manifest-position'] = position.join(':');
    const blob = Buffer.concat([body.data, skippableFrame(frame), skippableFrame(zstdFooter(position))]);
    return {
      ...layer,
      descriptor: descriptorOf(blob, 'zstd', annotations),
      blob,
      diffId: digestOf(body.tar),
    };
  }
  const tocTar = Buffer.concat([
    tarHeader({ name: 'stargz.index.json', body: tocText, mode: 0, mtime: 0 }),
    padded(tocText),
    END,
  ]);
  const isExternal = options.footer === 'external';
  const blob = Buffer.concat([
    body.data,
    isExternal ? Buffer.alloc(0) : gzipSync(tocTar),
    gzipFooter(options.footer ?? 'estargz', body.data.length),
  ]);
  const diffId = digestOf(isExternal ? body.tar : Buffer.concat([body.tar, tocTar]));
  return { ...layer, descriptor: descriptorOf(blob, 'gzip', annotations), blob, diffId };
}

function descriptorOf(blob: Buffer, compression: string, annotations: Record<string, string>): Descriptor {
  const mediaType = `application/vnd.oci.image.layer.v1.tar+${compression}`;
  return { mediaType, digest: digestOf(blob), size: blob.length, annotations };
}

/** A member ends in front of a chunk, once it holds enough. */
class MemberWriter {
  readonly #members: Uint8Array[] = [];
  readonly #tar: Uint8Array[] = [];
  readonly #entries: StargzEntry[] = [];
  readonly #chunks: Buffer[] = [];
  readonly #compress: (content: Uint8Array) => Uint8Array;
  readonly #options: StargzLayerOptions;
  #open: Uint8Array[] = [];
  #openSize = 0;
  #offset = 0;

  constructor(compress: (content: Uint8Array) => Uint8Array, options: StargzLayerOptions) {
    this.#compress = compress;
    this.#options = options;
  }

  add(item: TarItem): void {
    this.#write(tarHeader(item));
    const content = bytesOf(item.body ?? '');
    const type = TYPES[item.type ?? '0'] ?? 'reg';
    const { mtime = 1_767_225_600, mode = 0o644, uid = 0, gid = 0 } = item;
    const entry: StargzEntry = {
      name: bytesOf(item.name).toString(),
      type,
      ...(mtime === 0 ? {} : { modtime: new Date(mtime * 1000).toISOString().replace('.000', '') }),
      ...(item.linkName === undefined ? {} : { linkName: bytesOf(item.linkName).toString() }),
      ...(mode === 0 ? {} : { mode }),
      ...(uid === 0 ? {} : { uid }),
      ...(gid === 0 ? {} : { gid }),
      ...(content.length === 0 ? {} : { size: content.length }),
      ...(type === 'reg' ? { digest: digestOf(content) } : {}),
    };
    this.#entries.push(entry);
    const chunkSize = this.#options.chunkSize ?? 4 << 20;
    for (let position = 0; position < content.length; position += chunkSize) {
      const chunk = content.subarray(position, position + chunkSize);
      if (this.#openSize >= (this.#options.minChunkSize ?? 0)) this.#cut();
      const part = position === 0 ? entry : { name: entry.name, type: 'chunk' };
      if (part !== entry) this.#entries.push(part);
      Object.assign(part, this.#place(chunk, position, content.length));
      this.#chunks.push(chunk);
      this.#write(chunk);
    }
    this.#write(padded(content).subarray(content.length));
  }

  finish() {
    if (this.#options.lossless) this.#write(END);
    this.#cut();
    const data = Buffer.concat(this.#members);
    return { data, tar: Buffer.concat(this.#tar), entries: this.#entries, chunks: this.#chunks };
  }

  #place(chunk: Buffer, position: number, fileSize: number): Partial<StargzEntry> {
    return {
      ...(this.#offset === 0 ? {} : { offset: this.#offset }),
      ...(this.#openSize === 0 ? {} : { innerOffset: this.#openSize }),
      ...(position === 0 ? {} : { chunkOffset: position }),
      ...(position + chunk.length === fileSize ? {} : { chunkSize: chunk.length }),
      chunkDigest: digestOf(chunk),
    };
  }

  #write(bytes: Uint8Array): void {
    this.#open.push(bytes);
    this.#tar.push(bytes);
    this.#openSize += bytes.length;
  }

  #cut(): void {
    if (this.#openSize === 0) return;
    const member = this.#compress(Buffer.concat(this.#open));
    this.#members.push(member);
    this.#offset += member.length;
    this.#open = [];
    this.#openSize = 0;
  }
}

/** By fixed bytes, as the writers do. */
export function gzipFooter(kind: 'estargz' | 'stargz' | 'external', tocOffset: number): Buffer {
  const hex = Buffer.from(tocOffset.toString(16).padStart(16, '0')).toString('hex');
  const stargz = Buffer.from('STARGZ').toString('hex');
  const external = Buffer.from('STARGZEXTERNALTOC').toString('hex');
  const extras = {
    estargz: `1a0053471600${hex}${stargz}`,
    stargz: `1600${hex}${stargz}`,
    external: `150053471100${external}`,
  };
  return Buffer.from(`1f8b08040000000000ff${extras[kind]}010000ffff0000000000000000`, 'hex');
}

/** Payload of the footer's frame: `fields`, then the magic of those writers that knew no tar-split. */
export function zstdFooter(fields: readonly (number | bigint)[], magic = 'GnUlInUx'): Buffer {
  const bytes = Buffer.alloc(fields.length * 8);
  for (const [index, field] of fields.entries()) bytes.writeBigUInt64LE(BigInt(field), index * 8);
  return Buffer.concat([bytes, Buffer.from(magic)]);
}
