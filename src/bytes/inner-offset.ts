/**
 * What may stand before a chunk in the member that holds it: it is decoded for the chunk's sake, whatever a forged table says. Writers
 * of real layers close a member after a few megabytes.
 */
export const MAX_INNER_OFFSET = 64 << 20;
