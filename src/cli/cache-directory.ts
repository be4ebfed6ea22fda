// Where the command line keeps its chunk store unless told otherwise: the place each system has for caches.
import { posix, win32 } from 'node:path';

export interface Machine {
  readonly platform: NodeJS.Platform;
  readonly home: string;
  readonly env: Readonly<Record<string, string | undefined>>;
}

const NAME = 'oci-pull';

/** An absolute path. A relative XDG_CACHE_HOME is ignored, as the XDG base directory specification asks. */
export function defaultCacheDirectory({ platform, home, env }: Machine): string {
  if (platform === 'win32') return win32.join(env.LOCALAPPDATA || win32.join(home, 'AppData', 'Local'), NAME);
  if (platform === 'darwin') return posix.join(home, 'Library', 'Caches', NAME);
  const xdg = env.XDG_CACHE_HOME ?? '';
  return posix.join(posix.isAbsolute(xdg) ? xdg : posix.join(home, '.cache'), NAME);
}
