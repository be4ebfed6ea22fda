/** Runs the work it is given, at most `limit` at a time, in the order in which it was given. */
export type Slots = <T>(work: () => Promise<T>) => Promise<T>;

export function createSlots(limit: number): Slots {
  const waiting: (() => void)[] = [];
  let free = limit;
  return async (work) => {
    if (free > 0) free--;
    else await new Promise<void>((resolve) => waiting.push(resolve));
    try {
      return await work();
    } finally {
      const next = waiting.shift();
      if (next) next();
      else free++;
    }
  };
}
