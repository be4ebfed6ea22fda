// What the fuzzers put into layers: entries as an archive means them, apart from how it writes them.

export type EntryKind = 'file' | 'directory' | 'symlink' | 'hardlink' | 'char' | 'block' | 'fifo';

export interface LayerEntry {
  readonly kind: EntryKind;
  /** As the archive has it, not cleaned: latin1, one unit a byte. */
  readonly name: string;
  /** Target of a link, in the same form. */
  readonly link: string;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly mtimeNs: bigint;
  /** Bytes of a file with its holes. */
  readonly size: number;
  /** What is stored of it, in order and apart. */
  readonly regions: readonly Region[];
  readonly device: readonly [major: number, minor: number];
  /** Names are latin1. */
  readonly xattrs: readonly (readonly [name: string, value: Buffer])[];
  readonly encoding: Encoding;
}

export interface Region {
  readonly offset: number;
  readonly bytes: Buffer;
}

/** How the archive writes an entry. Where a form cannot hold a value, the encoder takes the next one that can. */
export interface Encoding {
  readonly format: 'v7' | 'ustar' | 'gnu' | 'pax';
  /** A file is one of three types. */
  readonly fileType: '0' | '\0' | '7';
  /** undefined: holes are written as zeros. */
  readonly sparse: 'old' | '0.0' | '0.1' | '1.0' | undefined;
  /** Old writers put the kind into the mode. */
  readonly typeBits: boolean;
  /** What the size field says where no data follows. */
  readonly claimedSize: number;
  readonly signedChecksum: boolean;
  /** Records that say other things first, or take back what they said. */
  readonly decoys: boolean;
  /** A global pax header in front of the entry. */
  readonly global: boolean;
}

export interface Stack {
  readonly layers: readonly (readonly LayerEntry[])[];
  /** How each layer's stream ends. */
  readonly endings: readonly Ending[];
}

/** `garbage`: bytes behind the end marker, which count for digests only. */
export type Ending = 'two-blocks' | 'one-block' | 'none' | 'record' | 'garbage';

export function contentOf({ size, regions }: Pick<LayerEntry, 'size' | 'regions'>): Buffer {
  const content = Buffer.alloc(size);
  for (const { offset, bytes } of regions) bytes.copy(content, offset);
  return content;
}
