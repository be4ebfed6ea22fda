// Gives memory back at once, instead of when the garbage collector comes round to it.

/**
 * Frees what backs `bytes`, if they are all of it; afterwards they have no length. For buffers that nobody will look at again.
 * Left to the collector, 1.2 GB of outputs of 1 MiB cost 134,000 page faults, 1.1 s and 127 MB; released, 2,400, 0.4 s and 59 MB: the
 * allocator hands out the same warm pages again. It does not for pieces of several MiB, which it returns to the system each time.
 */
export function release(bytes: Uint8Array): void {
  const { buffer } = bytes;
  if (buffer instanceof ArrayBuffer && bytes.byteLength === buffer.byteLength) buffer.transfer(0);
}

/**
 * The same for a piece of a buffer that is cut up from front to back: frees all of it once its last piece has been used. Only for
 * buffers of a decoder's own, never for pooled memory, where other data may stand before the piece.
 */
export function releaseAfterLast(bytes: Uint8Array): void {
  const { buffer, byteOffset, byteLength } = bytes;
  if (buffer instanceof ArrayBuffer && byteOffset + byteLength === buffer.byteLength) buffer.transfer(0);
}
