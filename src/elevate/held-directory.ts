// Directories held open by root, so that it does not matter what becomes of their names. Linux only: paths lead through /proc.
import { type BigIntStats, closeSync, constants, fstatSync, openSync, statSync } from 'node:fs';

const { O_RDONLY, O_DIRECTORY, O_NOFOLLOW } = constants;

export class HeldDirectory implements Disposable {
  readonly #descriptor: number;

  private constructor(descriptor: number) {
    this.#descriptor = descriptor;
  }

  /** `links`: whether the last component may be a symbolic link. Throws the system's error, or that /proc is not this system's. */
  static open(path: string, links: 'follow' | 'refuse'): HeldDirectory {
    const flags = O_RDONLY | O_DIRECTORY | (links === 'refuse' ? O_NOFOLLOW : 0);
    const held = new HeldDirectory(openSync(path, flags));
    const [here, there] = [held.stat(), statSync(held.path, { bigint: true, throwIfNoEntry: false })];
    if (there && here.dev === there.dev && here.ino === there.ino) return held;
    held[Symbol.dispose]();
    throw new Error('/proc does not show this process');
  }

  /**
   * Leads to the directory whatever its name has become, also in programs that this process starts. It ends in a dot, so that it is
   * the directory and not a link to it: https://man7.org/linux/man-pages/man5/proc_pid_fd.5.html
   */
  get path(): string {
    return `/proc/${process.pid}/fd/${this.#descriptor}/.`;
  }

  get descriptor(): number {
    return this.#descriptor;
  }

  stat(): BigIntStats {
    return fstatSync(this.#descriptor, { bigint: true });
  }

  [Symbol.dispose](): void {
    closeSync(this.#descriptor);
  }
}
