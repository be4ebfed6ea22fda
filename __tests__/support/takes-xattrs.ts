// Can extended attributes be tested here?
import { execFileSync } from 'node:child_process';
import { findTool } from '../../src/unpack/host-tools.ts';
import { canListXattrs } from './tree.ts';
import { unpackRoom } from './unpack-room.ts';

/** Does the file system of the test's directories take attributes of users at all, and can they be read? */
export function takesXattrs(): boolean {
  const setfattr = findTool('setfattr');
  if (!canListXattrs || !setfattr) return false;
  using room = unpackRoom();
  try {
    execFileSync(setfattr, ['-n', 'user.a', '-v', '1', room.root], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}
