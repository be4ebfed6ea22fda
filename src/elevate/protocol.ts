// What this program and its root process say to each other. One request is under way at a time.
import type { ErrorData } from '../errors.ts';
import type { UnpackEvent, UnpackHooks, UnpackJob, UnpackOutcome } from '../unpack/job.ts';

/** A chunk takes some 80 bytes: enough for ten million of them, a hundred times what a large image has. */
export const MAX_REQUEST_BYTES = 1 << 30;
/** An outcome holds at most the list of what was left out, or a number for each damaged chunk. */
export const MAX_REPLY_BYTES = 64 << 20;

/** Unpacks on threads of its own; afterwards none is running any more. */
export type Unpack = (job: UnpackJob, hooks: UnpackHooks) => Promise<UnpackOutcome>;

/** A directory by its path and, because a name can change hands, by its inode; see inode.ts. */
export interface NamedDirectory {
  readonly path: string;
  readonly inode: string;
}

export type Request =
  /** `counters`: of a progress board that starts at zero. The owner is `preserve`. */
  | {
      readonly kind: 'unpack';
      readonly root: NamedDirectory;
      readonly job: Omit<UnpackJob, 'board' | 'root' | 'owner'>;
      readonly counters: number;
    }
  | { readonly kind: 'remove'; readonly tree: NamedDirectory };

export type Message =
  | Request
  /** Counters of the board, and by how much each has grown. */
  | { readonly kind: 'progress'; readonly counters: Uint32Array; readonly amounts: Float64Array }
  /** Ends the request that is under way. It is answered all the same. */
  | { readonly kind: 'abort' };

export type Reply =
  /** Once, at the start: it runs, and as root. */
  | { readonly kind: 'ready' }
  | { readonly kind: 'event'; readonly event: UnpackEvent }
  | { readonly kind: 'done'; readonly output: UnpackOutcome | undefined }
  | { readonly kind: 'failed'; readonly error: ErrorData };
