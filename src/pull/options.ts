import type { Credential } from '../auth/credential.ts';
import type { CacheSession } from '../cache/session.ts';
import type { Platform } from '../oci/platform.ts';
import type { Reference } from '../oci/reference.ts';
import type { Emit } from '../progress/events.ts';
import type { UnpackLimits } from '../unpack/limits.ts';

/** What may be remembered of a pull, and from where. */
export interface Caching {
  /** May chunks be read from the store, and may new ones stay in it? */
  readonly storeRead: boolean;
  readonly storeWrite: boolean;
  /** The remote cache (Actions cache service) that feeds the store; absent in the CLI. */
  readonly cache?: CacheSession | undefined;
}

/** Everything a pull needs to know. Made and validated by a door (action inputs or command line). */
export interface PullOptions extends Caching {
  readonly reference: Reference;
  readonly platform: Platform;
  /** Absolute path of the root file system to be made. */
  readonly destination: string;
  readonly ownership: OwnershipChoice;
  /** What is to be other than DEFAULT_LIMITS. */
  readonly limits: Partial<UnpackLimits>;
  /** Credential for the reference's registry; absent: anonymous. */
  readonly credential?: Credential | undefined;
  /** Tried only where the registry refuses an anonymous pull; an image that needs it may be cached differently. */
  readonly fallback?: (Caching & { readonly credential: Credential }) | undefined;
  /** false: certificates are not checked and plain http is allowed for any host. */
  readonly tlsVerify: boolean;
  /** Directory of the chunk store (made if absent). */
  readonly storeDirectory: string;
  /** Connections for blob data. */
  readonly concurrency: number;
  /** Told secrets that the pull comes across (tokens, signed URLs), so that a door can mask them in logs; see registry/secrets.ts. */
  readonly onSecret?: ((secret: string) => void) | undefined;
  readonly emit: Emit;
  readonly signal: AbortSignal;
}

export const DEFAULT_CONCURRENCY = 8;

export const OWNERSHIPS = ['auto', 'preserve', 'runner'] as const;
/** `auto`: as in the image for root, otherwise everything belongs to the user who runs this. */
export type OwnershipChoice = (typeof OWNERSHIPS)[number];
