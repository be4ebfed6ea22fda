// What was left out of a root file system, and why.
import { MAX_NAMED_SKIP_BYTES, MAX_NAMED_SKIPS } from './limits.ts';

export const SKIP_KINDS = ['device', 'fifo', 'xattr'] as const;
export type SkipKind = (typeof SKIP_KINDS)[number];

export interface Skip {
  /** From the root, without a slash before it; one UTF-16 unit a byte, as in tar entries. */
  readonly path: string;
  readonly kind: SkipKind;
  readonly reason: string;
}

export interface SkipReport {
  /** All of them. */
  readonly count: number;
  readonly byKind: Readonly<Record<SkipKind, number>>;
  /** The first ones, as far as memory allows. */
  readonly named: readonly Skip[];
}

export class SkipList implements SkipReport {
  readonly named: Skip[] = [];
  readonly byKind: Record<SkipKind, number> = { device: 0, fifo: 0, xattr: 0 };
  count = 0;
  #bytes = 0;

  /** `path`: raw, from the root. */
  add(path: string, kind: SkipKind, reason: string): void {
    this.count++;
    this.byKind[kind]++;
    this.#bytes += path.length + reason.length;
    if (this.named.length >= MAX_NAMED_SKIPS || this.#bytes > MAX_NAMED_SKIP_BYTES) return;
    this.named.push({ path, kind, reason });
  }

  /** As plain data. */
  report(): SkipReport {
    const { count, byKind, named } = this;
    return { count, byKind, named };
  }
}
