// Settings of a machine that lies below one directory: `etc/…` and `usr/…` are the system's, `home/…` the user's.
import { join } from 'node:path';
import type { HostSettings } from '../../src/hosts/find-hosts.ts';

export function settingsFor(machine: string, more: Partial<HostSettings> = {}): HostSettings {
  const home = join(machine, 'home');
  return { tlsVerify: true, mirrors: [], env: {}, home, uid: 1000, root: machine, ...more };
}
