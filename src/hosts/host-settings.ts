// What the configuration of hosts depends on: inputs, and where this machine and this user keep theirs.

export interface HostSettings {
  readonly tlsVerify: boolean;
  /**
   * The input `mirrors`, one line each: `host[:port][/path]`, or `registry=host[:port][/path]` for the mirrors of another
   * registry than the image's; the host may have `http://` or `https://` in front. Blank lines do not count.
   */
  readonly mirrors: readonly string[];
  /** A directory of containerd's `hosts.toml` directories, absolute. */
  readonly hostsDirectory?: string | undefined;
  /** A PEM file of further authorities, absolute. */
  readonly authorityFile?: string | undefined;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly home: string;
  /** Of the user; undefined on Windows. */
  readonly uid: number | undefined;
  /** Stands before `/etc`, `/usr` and `/var`; for tests. */
  readonly root?: string | undefined;
}
