// What the way that bytes come is like.

export interface Link {
  /** From sending a request to its answer; the least of the last ones: others pay for a connection or a busy thread as well. */
  readonly roundTripMs: number;
  /** Of all bodies together, over the last seconds in which a body was waited for; undefined: too little has come yet. */
  readonly bytesPerSecond: number | undefined;
}
