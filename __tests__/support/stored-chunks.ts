// Opens chunked layers as the real code will: finds and reads the TOC, decodes ranges of the blob, reads the tar stream's entries.
import { gunzipSync } from 'node:zlib';
import { decompress } from '../../src/compression/decompress.ts';
import { type Dialect, detectDialect, type LocatedToc, locateToc } from '../../src/layer/dialect.ts';
import { FOOTER_TAIL_BYTES, type Footer, parseFooter } from '../../src/layer/footer.ts';
import type { LayerToc } from '../../src/layer/layer-toc.ts';
import { tocOfMember } from '../../src/layer/toc-member.ts';
import type { Descriptor } from '../../src/oci/descriptor.ts';
import type { TarEntry } from '../../src/tar/entry.ts';
import { createTarReader } from '../../src/tar/reader.ts';
import { collector, streamOf } from './slices.ts';

export function footerOf(blob: Uint8Array): Footer {
  return parseFooter(blob.subarray(Math.max(0, blob.length - FOOTER_TAIL_BYTES)), blob.length);
}

export interface OpenLayer {
  readonly blob: Buffer;
  readonly dialect: Dialect;
  readonly footer: Footer;
  readonly located: LocatedToc;
  readonly json: Buffer;
}

/** By annotations, and by the footer where they do not say where the TOC is. */
export async function openLayer(descriptor: Descriptor, blob: Buffer): Promise<OpenLayer> {
  const dialect = detectDialect(descriptor);
  const footer = footerOf(blob);
  if (dialect.kind === 'plain') throw new Error(`the layer is plain: ${dialect.reason}`);
  const located =
    dialect.kind === 'zstd-chunked'
      ? { ...dialect, kind: 'located' as const }
      : locateToc(dialect, footer, blob.length);
  if (located.kind !== 'located') throw new Error(`its TOC is not in the layer: ${located.kind}`);
  return { blob, dialect, footer, located, json: await readJson(blob, located) };
}

async function readJson(blob: Buffer, { compression, toc }: LocatedToc): Promise<Buffer> {
  const bytes = await decode(blob.subarray(toc.range.start, toc.range.end));
  const json = compression === 'gzip' ? tocOfMember(bytes) : bytes;
  if (!json) throw new Error('there is no TOC where it should be');
  return Buffer.from(json);
}

/** Whole gzip members or zstd frames, told apart by their first bytes. */
export async function decode(bytes: Uint8Array): Promise<Buffer> {
  if (bytes.length === 0) return Buffer.alloc(0);
  if (bytes[0] === 0x1f) return gunzipSync(bytes);
  const output = collector();
  await decompress(streamOf(bytes), output.sink);
  return output.bytes();
}

/** The content of one chunk: what its stored bytes decode to, without what else is in them. */
export async function decodeChunk(
  blob: Buffer,
  { table, innerOffsets }: LayerToc,
  index: number,
): Promise<Buffer> {
  const start = table.offsets[index] as number;
  const member = await decode(blob.subarray(start, start + (table.compressedSizes[index] as number)));
  const inner = innerOffsets?.[index] ?? 0;
  return member.subarray(inner, inner + (table.sizes[index] as number));
}

export function tarEntries(tar: Uint8Array): TarEntry[] {
  const entries: TarEntry[] = [];
  const reader = createTarReader({
    entry: (entry) => void entries.push(entry),
    data: () => undefined,
    end: () => undefined,
  });
  reader.push(tar);
  reader.finish();
  return entries;
}
