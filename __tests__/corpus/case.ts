// One case of the corpus: layers as bytes, and what unpacking them gives. Data only, so that any way to unpack can be held to it.
import type { ErrorCode } from '../../src/errors.ts';
import type { UnpackLimits } from '../../src/unpack/limits.ts';

export type CorpusCase = UnpackedCase | RefusedCase;

export interface UnpackedCase extends CommonParts {
  /** Every path below the root; the root itself, '', only where it is not what a root without an entry is. */
  readonly tree: PerRoom<ExpectedTree>;
  /** What a report says was left out, as `xattr /path`; devices and capabilities that only root can set not counted. */
  readonly skipped?: readonly string[];
}

export interface RefusedCase extends CommonParts {
  readonly code: ErrorCode;
}

interface CommonParts {
  /** Reads as what an unpacker does. */
  readonly name: string;
  /** Uncompressed, lowest first. */
  readonly layers: PerRoom<readonly Buffer[]>;
  readonly limits?: Partial<UnpackLimits>;
  /** Needs names of any bytes, paths of 4,096 bytes, extended attributes or links to links. */
  readonly linuxOnly?: boolean;
}

/** `outside`: the absolute path of a directory beside the root, for layers that try to get there. */
export type PerRoom<Value> = Value | ((outside: string) => Value);

export type ExpectedTree = Readonly<Record<string, string | ExpectedNode>>;

/**
 * The string alone stands for the attributes that the tar builder gives when it is told none: owner 0:0, time MTIME,
 * mode 0755 for directories and 0644 for everything else.
 */
export interface ExpectedNode {
  /**
   * `dir`, `implicit` (a directory without an entry: its time is free), `file: content`, `link: target`,
   * `hard: path` (another name of that), `fifo`, `char 1:3`, `block 8:0`.
   */
  readonly is: string;
  readonly mode?: number;
  readonly uid?: number;
  readonly gid?: number;
  /** Seconds. */
  readonly mtime?: number;
  /** Values in hexadecimal. */
  readonly xattrs?: Readonly<Record<string, string>>;
}

export interface Theme {
  readonly theme: string;
  readonly cases: readonly CorpusCase[];
}

export function inRoom<Value extends object>(value: PerRoom<Value>, outside: string): Value {
  return typeof value === 'function' ? value(outside) : value;
}

export function canRunHere({ linuxOnly }: CorpusCase): boolean {
  return !linuxOnly || process.platform === 'linux';
}
