// Cuts bytes into slices, as a network would.

/** `lengths` are used in turn, over and over. */
export function slices(bytes: Uint8Array, lengths: readonly number[]): Uint8Array[] {
  const parts: Uint8Array[] = [];
  for (let at = 0, turn = 0; at < bytes.length; turn++) {
    const length = Math.max(1, lengths[turn % lengths.length] ?? bytes.length);
    parts.push(bytes.subarray(at, at + length));
    at += length;
  }
  return parts;
}

/** Each slice is destroyed once the next one is asked for, as by a reader that has one buffer for all. */
export async function* streamOf(
  bytes: Uint8Array,
  lengths: readonly number[] = [64 << 10],
): AsyncGenerator<Uint8Array> {
  for (const slice of slices(bytes, lengths)) {
    const lent = Buffer.from(slice);
    yield lent;
    lent.fill(0xaa);
  }
}

/** A sink that keeps a copy of all it gets. */
export function collector() {
  const parts: Uint8Array[] = [];
  return {
    sink: (bytes: Uint8Array) => void parts.push(Buffer.from(bytes)),
    bytes: () => Buffer.concat(parts),
    text: () => Buffer.concat(parts).toString(),
  };
}
