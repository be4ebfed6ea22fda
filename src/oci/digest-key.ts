// sha256 digests as keys of large maps: the 32 bytes as a latin1 string, half as long as hex.

export function digestKeyOfHex(hex: string): string {
  return Buffer.from(hex, 'hex').toString('latin1');
}

/** `sha256:…` of a key. */
export function digestOfKey(key: string): string {
  return `sha256:${Buffer.from(key, 'latin1').toString('hex')}`;
}
