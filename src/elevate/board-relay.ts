// Brings a progress board up to date with another one that it shares no memory with.
import type { ProgressBoard } from '../workers/progress-board.ts';

export interface BoardChanges {
  readonly counters: Uint32Array;
  /** By how much each of them has grown. */
  readonly amounts: Float64Array;
}

export class BoardRelay {
  readonly #board: ProgressBoard;
  /** What the other board has been told of. */
  readonly #told: Float64Array;

  constructor(board: ProgressBoard) {
    this.#board = board;
    this.#told = new Float64Array(board.counters);
  }

  /** What has changed since the last call; undefined where nothing has. An abort is no change: it travels by itself. */
  changes(): BoardChanges | undefined {
    if (this.#board.isAborted) return undefined;
    const counters: number[] = [];
    const amounts: number[] = [];
    for (let counter = 0; counter < this.#told.length; counter++) {
      const now = this.#board.at(counter);
      const told = this.#told[counter] as number;
      if (now === told) continue;
      counters.push(counter);
      amounts.push(now - told);
      this.#told[counter] = now;
    }
    return counters.length === 0
      ? undefined
      : { counters: Uint32Array.from(counters), amounts: Float64Array.from(amounts) };
  }
}

export function applyChanges(board: ProgressBoard, { counters, amounts }: BoardChanges): void {
  counters.forEach((counter, index) => {
    board.add(counter, amounts[index] as number);
  });
}
