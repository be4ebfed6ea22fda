// Builds zstd:chunked layers in memory: frames, gaps, table of contents, tar-split, footer and annotations, whole or broken on purpose.
import { zstdCompressSync } from 'node:zlib';
import { digestOf } from '../../src/integrity/hash.ts';
import type { Descriptor } from '../../src/oci/descriptor.ts';
import type { Digest } from '../../src/oci/digest.ts';
import { bytesOf, END, padded, type TarItem, tarHeader } from './tar-builder.ts';
import { skippableFrame } from './zstd-frame.ts';

/** An entry of the archive; its payload either as `body` or cut into `chunks`. */
export interface ChunkedItem extends TarItem {
  readonly chunks?: readonly (string | Uint8Array)[];
  /** Entries that belong to this one and stand before it: pax records, long names. */
  readonly before?: Uint8Array;
}

/**
 * toc: current writers, the TOC holds the tar-split's digest; annotation: a few writers of 2023, the descriptor holds it;
 * legacy: before that, another prefix and no tar-split.
 */
export type Generation = 'toc' | 'annotation' | 'legacy';

export interface ChunkedLayerOptions {
  readonly generation?: Generation;
  readonly compress?: (content: Uint8Array) => Uint8Array;
  /** Changes the TOC before it is written. */
  readonly editToc?: (toc: Toc) => unknown;
  /** Changes the text of the TOC. */
  readonly editTocText?: (text: string) => string;
  readonly editTarSplit?: (lines: readonly TarSplitLine[]) => readonly unknown[];
  /** Changes what is stored of the data, without touching offsets if the length stays. */
  readonly editData?: (data: Buffer) => Buffer;
  readonly editAnnotations?: (annotations: Record<string, string>) => void;
}

export interface TocEntry {
  type: string;
  name: string;
  linkName?: string;
  mode?: number;
  size?: number;
  digest?: string;
  offset?: number;
  endOffset?: number;
  chunkSize?: number;
  chunkOffset?: number;
  chunkDigest?: string;
  chunkType?: string;
}

export interface Toc {
  version: number;
  entries: TocEntry[] | null;
  tarSplitDigest?: string;
}

export type TarSplitLine =
  | { type: 2; payload: string; position: number }
  | { type: 1; name?: string; name_raw?: string; size?: number; payload: string | null; position: number };

export interface BuiltChunk {
  readonly digest: Digest;
  readonly start: number;
  readonly end: number;
  readonly content: Buffer;
}

export interface ChunkedLayer {
  readonly descriptor: Descriptor;
  readonly blob: Buffer;
  /** The exact tar stream. */
  readonly tar: Buffer;
  readonly diffId: Digest;
  readonly tocText: string;
  readonly tarSplitText: string;
  readonly tarSplitDigest: Digest;
  /** Where the TOC's frame lies. */
  readonly toc: { readonly start: number; readonly end: number };
  readonly dataEnd: number;
  readonly chunks: readonly BuiltChunk[];
}

const TYPES: Readonly<Record<string, string>> = {
  '0': 'reg',
  '1': 'hardlink',
  '2': 'symlink',
  '3': 'char',
  '4': 'block',
  '5': 'dir',
  '6': 'fifo',
};

export function buildChunkedLayer(
  items: readonly ChunkedItem[],
  options: ChunkedLayerOptions = {},
): ChunkedLayer {
  const { generation = 'toc', compress = zstdCompressSync } = options;
  const body = writeBody(items, compress);
  const tarSplitLines = options.editTarSplit?.(body.tarSplit) ?? body.tarSplit;
  const tarSplitText = tarSplitLines
    .map((line) => (typeof line === 'string' ? line : JSON.stringify(line)))
    .join('\n');
  const tarSplitFrame = compress(Buffer.from(tarSplitText));
  const tarSplitDigest = digestOf(tarSplitFrame);
  const toc: Toc = {
    version: 1,
    entries: body.entries.length > 0 ? body.entries : null,
    ...(generation === 'toc' ? { tarSplitDigest } : {}),
  };
  const plainText = JSON.stringify(options.editToc ? options.editToc(toc) : toc);
  const tocText = options.editTocText?.(plainText) ?? plainText;
  const tocFrame = compress(Buffer.from(tocText));
  const data = options.editData?.(body.data) ?? body.data;
  const at = { toc: data.length + 8, tarSplit: data.length + 8 + tocFrame.length + 8 };
  const position = `${at.toc}:${tocFrame.length}:${Buffer.byteLength(tocText)}:1`;
  const splitPosition = `${at.tarSplit}:${tarSplitFrame.length}:${Buffer.byteLength(tarSplitText)}`;
  const prefix =
    generation === 'legacy' ? 'io.containers.zstd-chunked.' : 'io.github.containers.zstd-chunked.';
  const annotations: Record<string, string> = Object.assign(Object.create(null), {
    [`${prefix}manifest-checksum`]: digestOf(tocFrame),
    [`${prefix}manifest-position`]: position,
    ...(generation === 'legacy' ? {} : { [`${prefix}tarsplit-position`]: splitPosition }),
    ...(generation === 'annotation' ? { [`${prefix}tarsplit-checksum`]: tarSplitDigest } : {}),
  });
  const blob = Buffer.concat([
    data,
    skippableFrame(tocFrame),
    ...(generation === 'legacy' ? [] : [skippableFrame(tarSplitFrame)]),
    skippableFrame(footer(position, generation === 'legacy' ? undefined : splitPosition)),
  ]);
  options.editAnnotations?.(annotations);
  return {
    descriptor: {
      mediaType: 'application/vnd.oci.image.layer.v1.tar+zstd',
      digest: digestOf(blob),
      size: blob.length,
      annotations,
    },
    blob,
    tar: body.tar,
    diffId: digestOf(body.tar),
    tocText,
    tarSplitText,
    tarSplitDigest,
    toc: { start: at.toc, end: at.toc + tocFrame.length },
    dataEnd: data.length,
    chunks: body.chunks,
  };
}

interface Body {
  readonly data: Buffer;
  readonly tar: Buffer;
  readonly entries: TocEntry[];
  readonly tarSplit: TarSplitLine[];
  readonly chunks: BuiltChunk[];
}

/** A frame ends before the first payload byte, after each chunk, and nowhere else. */
function writeBody(items: readonly ChunkedItem[], compress: (content: Uint8Array) => Uint8Array): Body {
  const frames: Uint8Array[] = [];
  const tar: Uint8Array[] = [];
  const entries: TocEntry[] = [];
  const tarSplit: TarSplitLine[] = [];
  const chunks: BuiltChunk[] = [];
  let offset = 0;
  let gap: Uint8Array[] = [];
  let padding = Buffer.alloc(0);
  const addFrame = (content: Uint8Array) => {
    const frame = compress(content);
    frames.push(frame);
    const start = offset;
    offset += frame.length;
    return { start, end: offset };
  };
  const addLiteral = (bytes: Buffer) => {
    const literal = Buffer.concat([padding, bytes]);
    padding = Buffer.alloc(0);
    gap.push(literal);
    tar.push(literal);
    tarSplit.push({ type: 2, payload: literal.toString('base64'), position: tarSplit.length });
  };
  for (const item of items) {
    const parts = (item.chunks ?? (item.body === undefined ? [] : [item.body])).map(bytesOf);
    const payload = Buffer.concat(parts);
    addLiteral(Buffer.concat([item.before ?? Buffer.alloc(0), tarHeader({ ...item, body: payload })]));
    const size = item.size ?? payload.length;
    tarSplit.push(payloadLine(bytesOf(item.name), size, tarSplit.length));
    const own: BuiltChunk[] = [];
    if (payload.length > 0) {
      addFrame(Buffer.concat(gap));
      gap = [];
      for (const content of parts) own.push({ ...addFrame(content), content, digest: digestOf(content) });
      tar.push(payload);
      padding = Buffer.from(padded(payload).subarray(payload.length));
    }
    chunks.push(...own);
    entries.push(...tocEntries(item, size, { payload, chunks: own }));
  }
  addLiteral(END);
  addFrame(Buffer.concat(gap));
  return { data: Buffer.concat(frames), tar: Buffer.concat(tar), entries, tarSplit, chunks };
}

function payloadLine(name: Buffer, size: number, position: number): TarSplitLine {
  const text = name.toString();
  const named = Buffer.from(text).equals(name) ? { name: text } : { name_raw: name.toString('base64') };
  return {
    type: 1,
    ...named,
    ...(size > 0 ? { size } : {}),
    payload: size > 0 ? 'AAAAAAAAAAA=' : null,
    position,
  };
}

function tocEntries(
  item: ChunkedItem,
  size: number,
  { payload, chunks }: { payload: Buffer; chunks: readonly BuiltChunk[] },
): TocEntry[] {
  const name = bytesOf(item.name).toString();
  const entry: TocEntry = {
    type: TYPES[item.type ?? '0'] ?? 'reg',
    name,
    mode: item.mode ?? 0o644,
    ...(item.linkName === undefined ? {} : { linkName: bytesOf(item.linkName).toString() }),
    ...(size > 0 ? { size } : {}),
  };
  const [first] = chunks;
  if (!first) return [entry];
  Object.assign(entry, { digest: digestOf(payload), offset: first.start, endOffset: chunks.at(-1)?.end });
  if (chunks.length === 1) return [entry];
  Object.assign(entry, chunkFields(first, 0));
  let position = first.content.length;
  const rest = chunks.slice(1).map((chunk): TocEntry => {
    const fields = chunkFields(chunk, position);
    position += chunk.content.length;
    return { type: 'chunk', name, offset: chunk.start, ...fields };
  });
  return [entry, ...rest];
}

function chunkFields(chunk: BuiltChunk, position: number): Partial<TocEntry> {
  const zeros = chunk.content.length >= 1024 && chunk.content.every((byte) => byte === 0);
  return {
    chunkSize: chunk.content.length,
    ...(position > 0 ? { chunkOffset: position } : {}),
    chunkDigest: chunk.digest,
    ...(zeros ? { chunkType: 'zeros' } : {}),
  };
}

function footer(position: string, splitPosition: string | undefined): Buffer {
  const fields = [...position.split(':'), ...(splitPosition?.split(':') ?? [])].map(BigInt);
  const bytes = Buffer.alloc(fields.length * 8);
  for (const [index, field] of fields.entries()) bytes.writeBigUInt64LE(field, index * 8);
  return Buffer.concat([bytes, Buffer.from(splitPosition === undefined ? 'GnUlInUx' : 'GNUlInUx')]);
}
