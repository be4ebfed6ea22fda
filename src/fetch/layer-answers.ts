// Who brings which groups of a layer. A server may answer a range with the whole blob: then that one answer brings all that is left.
import type { FetchGroup } from '../plan/fetch-plan.ts';

export interface NumberedGroup extends FetchGroup {
  readonly id: number;
}

/** What to do with an answer: the groups to take out of it; none where another answer brings them. */
export type Claim = readonly NumberedGroup[];

export class LayerAnswers {
  readonly #groups: readonly NumberedGroup[];
  /** Groups that an answer of their own brings. */
  readonly #served = new Set<number>();
  #isWhole = false;

  /** `groups`: all of the layer, ascending. */
  constructor(groups: readonly NumberedGroup[]) {
    this.#groups = groups;
  }

  /** Does a whole answer bring all that is left? */
  get isWhole(): boolean {
    return this.#isWhole;
  }

  /** An answer to the request for this group has come. */
  claim(group: NumberedGroup, isWhole: boolean): Claim {
    if (this.#isWhole) return [];
    if (!isWhole) {
      this.#served.add(group.id);
      return [group];
    }
    this.#isWhole = true;
    return this.#groups.filter(({ id }) => !this.#served.has(id));
  }
}
