// How much an image may ask of the unpacker. Generous: real images stay far below.
import { PullError } from '../errors.ts';

export interface UnpackLimits {
  /** Entries of all layers, and directories that nobody asked for but that lead to one. */
  readonly entries: number;
  /** Bytes of one file, holes included. */
  readonly fileSize: number;
  /** Bytes of all files of all layers, holes included; also bytes of all tar streams, and of an archive in place of the tree. */
  readonly totalSize: number;
  /** Bytes of a name as the archive has it, and of the path where links lead from there; PATH_MAX of Linux. */
  readonly pathLength: number;
  /** Bytes between two slashes; NAME_MAX of Linux. */
  readonly componentLength: number;
  /** Directories above an entry, as its name has them and where links lead from there. */
  readonly depth: number;
  /** Symbolic links followed on the way to one entry; PATH_UNSAFE beyond. */
  readonly symlinkSteps: number;
}

const GIB = 2 ** 30;

export const DEFAULT_LIMITS: UnpackLimits = {
  entries: 5_000_000,
  fileSize: 64 * GIB,
  totalSize: 256 * GIB,
  pathLength: 4096,
  componentLength: 255,
  depth: 1024,
  symlinkSteps: 255,
};

/** Components looked up on the way to one entry, those of links included; real images need a few dozen. */
export const MAX_WALKED_COMPONENTS = 16_384;
/** Bytes of the links followed on the way to all entries; a million entries of other directories below `/lib -> usr/lib` are 23 MB. */
export const MAX_FOLLOWED_BYTES = 256 << 20;
/** Bytes that following one link counts for besides those of its target. */
export const FOLLOW_OVERHEAD = 16;
/** Bytes of extended attributes held in memory until the end. */
export const MAX_PENDING_XATTR_BYTES = 64 << 20;
/** Bytes that one attribute takes in memory besides its name and value. */
export const XATTR_OVERHEAD = 512;
/** Bytes of input after which another process sets the next extended attributes. */
export const MAX_XATTR_INPUT = 4 << 20;
/** Bytes of the targets of symbolic links, which the tree keeps to find its way. */
export const MAX_LINK_TARGET_BYTES = 256 << 20;
/** Bytes of paths from the root where all of them are held or written, for an archive or a comparison; real images stay below 100 MB. */
export const MAX_HELD_NAME_BYTES = 256 << 20;
/** Devices and FIFOs held until the end; each device costs a process. */
export const MAX_SPECIAL_FILES = 10_000;
/** Positions in the patterns of a pull that the directories of its image have reached, where they differ; real images have a few hundred. */
export const MAX_HELD_PROGRESS = 16 << 20;
/** Things left out that are listed by name; the others are only counted. */
export const MAX_NAMED_SKIPS = 10_000;
/** Bytes of their names and reasons. */
export const MAX_NAMED_SKIP_BYTES = 4 << 20;

/** `name`: of the limit as a user may set it; absent where it is fixed. */
export function checkLimit(actual: number, limit: number, what: string, name?: string): void {
  if (actual <= limit) return;
  const hint = name && `If you trust the image, raise the limit ${name} (input limits, option --limit).`;
  throw new PullError('LIMIT_EXCEEDED', `${what}: ${actual} is more than the limit of ${limit}`, { hint });
}
