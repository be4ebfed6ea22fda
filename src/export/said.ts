// What an engine says: a few lines, of which those of a broken one may be any number.
import type { Readable } from 'node:stream';

/** Keeps the first `limit` bytes of what comes and drops the rest. Returns what there is of it so far, read as UTF-8. */
export function listenTo(stream: Readable, limit: number): () => string {
  const pieces: Buffer[] = [];
  let room = limit;
  stream.on('data', (piece: Buffer) => {
    if (room === 0) return;
    pieces.push(piece.subarray(0, room));
    room -= Math.min(room, piece.length);
  });
  return () => Buffer.concat(pieces).toString();
}
