// Entries that stargz-snapshotter adds to an archive for itself. They are no part of the image.
// https://github.com/containerd/stargz-snapshotter/blob/main/docs/estargz.md#prioritized-files-and-landmark-files

/** The name of the TOC's file in the archive. */
export const TOC_NAME = 'stargz.index.json';
const OWN_NAMES = new Set([TOC_NAME, '.prefetch.landmark', '.no.prefetch.landmark']);

/** Is it one of theirs? Only to be asked about layers of a stargz dialect: elsewhere these are names like any other. */
export function isStargzOwnName(path: string): boolean {
  return OWN_NAMES.has(path.replace(/^(?:\.?\/)+/, ''));
}
