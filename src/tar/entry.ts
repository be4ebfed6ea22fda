// One entry of a tar stream as the reader hands it out: names are bytes, numbers are checked.

export type TarEntryKind = 'file' | 'directory' | 'symlink' | 'hardlink' | 'char' | 'block' | 'fifo';

export interface TarEntry {
  readonly kind: TarEntryKind;
  /** The name as written, not cleaned: one UTF-16 unit a byte (latin1), because names are bytes and not text. */
  readonly path: string;
  /** Target of a link, in the same form; empty for everything else. */
  readonly linkPath: string;
  /** The low twelve bits. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  /** Seconds since the epoch, perhaps negative, perhaps with a fraction: a double, because Node sets times from doubles. */
  readonly mtime: number;
  /** The same in decimal as the archive has it, where it has a fraction: a double has 16 digits, nanoseconds take 19. */
  readonly mtimeText?: string | undefined;
  /** Bytes of a file with its holes filled in; 0 for everything else. */
  readonly size: number;
  readonly deviceMajor: number;
  readonly deviceMinor: number;
  /** Values are copies; keys are in the form of `path`. */
  readonly xattrs: ReadonlyMap<string, Uint8Array> | undefined;
}

/** What a reader calls, synchronously and in the order of the stream. */
export interface TarHandler {
  entry(entry: TarEntry): void;
  /** A piece of the file announced last, valid during the call. `position` is where in the file; gaps are holes. */
  data(bytes: Uint8Array, position: number): void;
  /** The file announced last is complete. Not called for entries that are no files. */
  end(): void;
}

const MAX_SHOWN_NAME = 300;

/** A raw name for messages: quoted, control characters escaped, not endless. */
export function showName(raw: string): string {
  const cut = raw.length > MAX_SHOWN_NAME ? `${raw.slice(0, MAX_SHOWN_NAME)}…` : raw;
  const text = Buffer.from(cut, 'latin1').toString('utf8');
  return JSON.stringify(raw === cut ? text : `${text.slice(0, -1)}…`).replace(
    /[\u007f-\u009f\u2028\u2029]/g,
    (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}
