// Random layers as wishes: names are partly "the nth thing there is", so that entries meet. settle.ts makes entries of them.
import type { Encoding, Ending, EntryKind } from './entry.ts';

/** Where an entry stands. `at` picks one of the paths that exist by then. */
export type Where =
  | { readonly kind: 'fresh'; readonly components: readonly string[] }
  | { readonly kind: 'existing'; readonly at: number }
  /** One of the paths that are no directory. */
  | { readonly kind: 'linkable'; readonly at: number }
  | { readonly kind: 'below'; readonly at: number; readonly components: readonly string[] }
  /** A name that nothing good comes of; only in stacks that may fail. */
  | { readonly kind: 'bad'; readonly name: string };

/** Text of a symbolic link. */
export type Target =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'existing'; readonly at: number; readonly style: 'absolute' | 'relative' | 'climbing' }
  /** What must not be touched, by its path on the host. */
  | { readonly kind: 'outside'; readonly isAbsolute: boolean };

/** How a name is written. */
export interface NameStyle {
  readonly lead: string;
  readonly trail: string;
  readonly doubled: boolean;
  readonly detour: boolean;
}

export interface Wish {
  readonly what: EntryKind | 'root' | 'whiteout' | 'opaque';
  /** What a marker is written as. */
  readonly as: EntryKind;
  /** The path that a marker is about; undefined: `where`, which mostly holds nothing to remove. */
  readonly markerAt: number | undefined;
  readonly where: Where;
  readonly linkTo: Where;
  readonly target: Target;
  readonly style: NameStyle;
  readonly linkStyle: NameStyle;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly mtimeNs: bigint;
  readonly content: readonly Stretch[];
  readonly device: readonly [number, number];
  readonly xattrs: readonly (readonly [string, Buffer])[];
  readonly encoding: Encoding;
}

/** A hole, and the data after it. */
export interface Stretch {
  readonly hole: number;
  readonly size: number;
  readonly fill: number;
}

export interface StackWish {
  readonly layers: readonly (readonly Wish[])[];
  readonly endings: readonly Ending[];
  /** Whether entries that cannot be unpacked stay in. */
  readonly mayFail: boolean;
  /** Lengths of the slices that the streams are cut into, used in turn. */
  readonly slices: readonly number[];
}
