// Counts what each layer cost on the wire.

export interface LayerTally {
  /** Layer data received: tables of contents, gaps and retries included. */
  bytes: number;
  /** Blobs or ranges of them that were asked for. */
  requests: number;
  /** Answers that held just the part of the blob that was asked for. */
  ranges: number;
}

export function createTally(layers: number): LayerTally[] {
  return Array.from({ length: layers }, () => ({ bytes: 0, requests: 0, ranges: 0 }));
}
