import type { FallbackCredential, Login } from '../auth/login.ts';
import type { CacheSession } from '../cache/session.ts';
import type { HostSettings } from '../hosts/find-hosts.ts';
import type { ImageName, LocalImage } from '../oci/image-name.ts';
import type { Platform } from '../oci/platform.ts';
import type { Emit } from '../progress/events.ts';
import type { UnpackLimits } from '../unpack/limits.ts';
import { OUTPUT_FORMATS } from '../unpack/output.ts';

/** What may be remembered of a pull, and from where. */
export interface Caching {
  /** May chunks be read from the store, and may new ones stay in it? */
  readonly storeRead: boolean;
  readonly storeWrite: boolean;
  /** The remote cache (Actions cache service) that feeds the store; absent in the CLI. */
  readonly cache?: CacheSession | undefined;
}

/** How registries are reached and who asks them. */
export interface NetworkSettings {
  /** Mirrors and certificates; `tlsVerify: false` there: certificates are not checked and plain http is allowed for any host. */
  readonly hosts: HostSettings;
  /** For the image's own registry, checked already: both or neither. */
  readonly login: Login;
  /** Absolute path of a file with credentials that is read before those of this machine. */
  readonly authFile?: string | undefined;
  readonly fallback?: FallbackCredential | undefined;
  readonly platform: NodeJS.Platform;
}

/** Everything a pull needs to know. Made and validated by a door (action inputs or command line). */
export interface PullOptions extends Caching {
  /** Paths are absolute. */
  readonly image: ImageName;
  /** Layouts and archives that are asked before the registry. Paths are absolute. */
  readonly seeds: readonly LocalImage[];
  readonly platform: Platform;
  /** Absolute path of what is to be made. */
  readonly destination: string;
  /** What is to be made. Default: rootfs. Checked by parseFormat. */
  readonly format?: Format | undefined;
  /** Which engine is to get it. */
  readonly load?: Engine | undefined;
  readonly ownership: OwnershipChoice;
  /** Globs for what is to be unpacked, see createSelection; none: everything. */
  readonly paths?: readonly string[] | undefined;
  /** What has to prove layers whose tables of contents the manifest vouches for. Default: diff-id. */
  readonly verify?: Verification | undefined;
  /** What is to be other than DEFAULT_LIMITS. */
  readonly limits: Partial<UnpackLimits>;
  readonly network: NetworkSettings;
  /** What may be remembered of an image that not everybody may pull; absent: what may be of any other. */
  readonly restricted?: Caching | undefined;
  /** Directory of the chunk store (made if absent). */
  readonly storeDirectory: string;
  /** Bytes of the chunk store's packs: packs that were not used for the longest time leave it afterwards. Absent: it may grow. */
  readonly storeMaxBytes?: number | undefined;
  /** Are packs uploaded from a store that holds what others have pulled? Then the result says which hold something of other images. */
  readonly uploadsFromSharedStore?: boolean | undefined;
  /** For what an archive needs unpacked while the pull runs; absent: the system's own. */
  readonly temporaryDirectory?: string | undefined;
  /** Connections for blob data. */
  readonly concurrency: number;
  /** Told secrets that the pull comes across (tokens, signed URLs), so that a door can mask them in logs; see http/secrets.ts. */
  readonly onSecret?: ((secret: string) => void) | undefined;
  readonly emit: Emit;
  readonly signal: AbortSignal;
}

export const DEFAULT_CONCURRENCY = 8;

export const VERIFICATIONS = ['diff-id', 'toc'] as const;
/**
 * `diff-id`: the whole tar stream, as the config has it. `toc`: the table of contents and the chunks that it names, so that what is
 * not needed need not be fetched. With `paths` it is always `toc` where there is one: of a part there is no diff_id.
 */
export type Verification = (typeof VERIFICATIONS)[number];

export const FORMATS = ['rootfs', ...OUTPUT_FORMATS] as const;
export type Format = (typeof FORMATS)[number];

export const ENGINES = ['docker', 'podman'] as const;
/** Gets the image once it is complete. */
export type Engine = (typeof ENGINES)[number];

export const OWNERSHIPS = ['auto', 'preserve', 'runner'] as const;
/** `auto`: as in the image for root, otherwise everything belongs to the user who runs this. */
export type OwnershipChoice = (typeof OWNERSHIPS)[number];
