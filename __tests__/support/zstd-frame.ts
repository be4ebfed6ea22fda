// Builds Zstandard frames byte by byte, well-formed ones and others. https://www.rfc-editor.org/rfc/rfc8878#section-3.1

export type Block =
  | { readonly kind: 'raw'; readonly bytes: Uint8Array }
  | { readonly kind: 'rle'; readonly size: number; readonly byte?: number }
  | { readonly kind: 'reserved' };

export interface FrameSpec {
  readonly blocks: readonly Block[];
  /** Bytes of the content size field; 1 only in a single segment, which in turn has no 0. */
  readonly contentSizeBytes?: 0 | 1 | 2 | 4 | 8;
  /** What the field says; what the blocks hold unless told. */
  readonly contentSize?: number;
  readonly singleSegment?: boolean;
  /** Four bytes at the end; not the right ones. */
  readonly checksum?: boolean;
  /** Exponent 10 to 41, and eighths on top. */
  readonly window?: readonly [log: number, eighths?: number];
  readonly dictionaryBytes?: 0 | 1 | 2 | 4;
  readonly reservedBit?: boolean;
}

export function sizeOf(blocks: readonly Block[]): number {
  const sizes = blocks.map((block) =>
    block.kind === 'raw' ? block.bytes.length : block.kind === 'rle' ? block.size : 0,
  );
  return sizes.reduce((sum, size) => sum + size, 0);
}

export function buildFrame(spec: FrameSpec): Buffer {
  const { singleSegment = false, contentSizeBytes = singleSegment ? 1 : 0, dictionaryBytes = 0 } = spec;
  const sizeFlag = { 0: 0, 1: 0, 2: 1, 4: 2, 8: 3 }[contentSizeBytes];
  const dictionaryFlag = { 0: 0, 1: 1, 2: 2, 4: 3 }[dictionaryBytes];
  const descriptor =
    (sizeFlag << 6) |
    (singleSegment ? 0x20 : 0) |
    (spec.reservedBit ? 0x08 : 0) |
    (spec.checksum ? 0x04 : 0) |
    dictionaryFlag;
  const [log, eighths = 0] = spec.window ?? [20];
  const head = Buffer.alloc(4 + 1 + (singleSegment ? 0 : 1) + dictionaryBytes);
  head.writeUInt32LE(0xfd2fb528, 0);
  head[4] = descriptor;
  if (!singleSegment) head[5] = ((log - 10) << 3) | eighths;
  return Buffer.concat([
    head,
    contentSizeField(contentSizeBytes, spec.contentSize ?? sizeOf(spec.blocks)),
    ...spec.blocks.map((block, index) => buildBlock(block, index === spec.blocks.length - 1)),
    Buffer.alloc(spec.checksum ? 4 : 0, 0xcc),
  ]);
}

function contentSizeField(length: number, value: number): Buffer {
  const field = Buffer.alloc(8);
  field.writeBigUInt64LE(BigInt(length === 2 ? value - 256 : value));
  return field.subarray(0, length);
}

function buildBlock(block: Block, last: boolean): Buffer {
  const [type, size, body] =
    block.kind === 'raw'
      ? ([0, block.bytes.length, block.bytes] as const)
      : block.kind === 'rle'
        ? ([1, block.size, Buffer.of(block.byte ?? 0)] as const)
        : ([3, 0, Buffer.alloc(0)] as const);
  const header = Buffer.alloc(3);
  header.writeUIntLE((size << 3) | (type << 1) | (last ? 1 : 0), 0, 3);
  return Buffer.concat([header, body]);
}

/** https://www.rfc-editor.org/rfc/rfc8878#section-3.1.2 */
export function skippableFrame(payload: Uint8Array, variant = 0): Buffer {
  const head = Buffer.alloc(8);
  head.writeUInt32LE(0x184d2a50 + variant, 0);
  head.writeUInt32LE(payload.length, 4);
  return Buffer.concat([head, payload]);
}

/** Blocks of 128 KiB that take four bytes each, behind a header that says `contentSize`. */
export function bomb(blocks: number, contentSize?: number): Buffer {
  const size = contentSize === undefined ? {} : { contentSizeBytes: 4 as const, contentSize };
  return buildFrame({
    blocks: Array.from({ length: blocks }, () => ({ kind: 'rle', size: 128 << 10 })),
    ...size,
  });
}
