// One host that serves a repository, and how to talk to it: what mirror and TLS configuration comes down to.

export interface TlsSettings {
  /** false: any certificate will do, and plain http where the host does not speak TLS. */
  readonly verify: boolean;
  /** PEM texts that are trusted besides the system's own. */
  readonly authorities: readonly string[];
  readonly client?: { readonly certificate: string; readonly key: string } | undefined;
  /** The files all this came from, for messages. */
  readonly sources: readonly string[];
}

export interface RegistryHost {
  /** `host[:port]`, as in a Reference: what credentials are looked up by. */
  readonly registry: string;
  /** Name of the repository at this host: a mirror may have another one. */
  readonly repository: string;
  /** Given by configuration; absent: https, and http on this machine itself. */
  readonly scheme?: 'http' | 'https' | undefined;
  /** What stands before `/REPOSITORY/blobs/…` in paths, without slashes at its ends; absent: `v2`. */
  readonly apiPath?: string | undefined;
  readonly tls: TlsSettings;
  /** Sent with every request to this host, and to no other. */
  readonly headers: Readonly<Record<string, string>>;
  /** Registry that this host stands in for: sent as `?ns=`, for mirrors that serve several. */
  readonly namespace?: string | undefined;
  /** May this host be asked what a tag means, and for what a digest names? */
  readonly serves: { readonly tags: boolean; readonly digests: boolean };
  /** For messages: the file or input that names this host; absent for the reference's own registry. */
  readonly source?: string | undefined;
}

/** The hosts of an image: mirrors in the order to try them, the reference's own registry last (unless it is left out by configuration). */
export type RegistryHosts = readonly [RegistryHost, ...RegistryHost[]];
