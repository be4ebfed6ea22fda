// What was left out of a root file system, and why.
import { showName } from '../tar/entry.ts';
import { MAX_REPORTED_SKIPS } from './limits.ts';

export interface Skip {
  /** For people: quoted, from the root. */
  readonly path: string;
  readonly what: 'device' | 'fifo' | 'xattr';
  readonly reason: string;
}

export class SkipList {
  /** The first few only. */
  readonly named: Skip[] = [];
  count = 0;

  /** `path`: raw, from the root. */
  add(path: string, what: Skip['what'], reason: string): void {
    this.count++;
    if (this.named.length < MAX_REPORTED_SKIPS) this.named.push({ path: showName(`/${path}`), what, reason });
  }
}
