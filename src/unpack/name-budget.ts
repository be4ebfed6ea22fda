// For those who hold or write every path of a tree in full: the tree itself has each name once.
import { checkLimit, MAX_HELD_NAME_BYTES } from './limits.ts';

export class NameBudget {
  #bytes = 0;

  /** Throws LIMIT_EXCEEDED. */
  add(path: string): void {
    this.#bytes += path.length;
    checkLimit(this.#bytes, MAX_HELD_NAME_BYTES, 'bytes of the paths of all entries');
  }

  remove(path: string): void {
    this.#bytes -= path.length;
  }
}
