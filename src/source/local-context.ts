// What opening something on this machine needs from whoever does it.
import { type ArchiveWork, hashFiles, unpackArchive } from './archive-jobs.ts';

/** What a door is told; an Emit of pull events takes it. */
export type LocalNote = (note: Note) => void;

export type Note =
  | { readonly kind: 'info'; readonly message: string }
  | { readonly kind: 'warning'; readonly message: string; readonly isVital?: true };

export interface LocalContext {
  /** For an archive that is compressed as a whole; the system's own unless told. */
  readonly temporaryDirectory?: string | undefined;
  readonly signal: AbortSignal;
  readonly emit?: LocalNote | undefined;
  /** Who reads large archives from front to back; absent: this thread. */
  readonly work?: ArchiveWork | undefined;
}

/** Reading so much takes seconds: whoever waits should know for what. */
const ANNOUNCED_BYTES = 64 << 20;

export function workOf({ work }: LocalContext): ArchiveWork {
  return work ?? { unpackArchive, hashFiles };
}

/** `what`: as in "unpacking FILE". Says nothing where there is little to read. */
export function announce({ emit }: LocalContext, what: string, bytes: number): void {
  if (bytes >= ANNOUNCED_BYTES)
    emit?.({ kind: 'info', message: `${what} (${Math.round(bytes / 2 ** 20)} MiB)…` });
}
