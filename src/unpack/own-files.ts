// Leaves out the files that stargz-snapshotter puts into an archive for itself.
import { isStargzOwnName } from '../layer/stargz-names.ts';
import type { TarEntry, TarHandler } from '../tar/entry.ts';

/** Hands on all entries but those. Only for layers that stargz-snapshotter has written: elsewhere the names are like any other. */
export function withoutOwnFiles(handler: TarHandler): TarHandler {
  let isOwn = false;
  return {
    entry(entry: TarEntry) {
      isOwn = entry.kind === 'file' && isStargzOwnName(entry.path);
      if (!isOwn) handler.entry(entry);
    },
    data(bytes, position) {
      if (!isOwn) handler.data(bytes, position);
    },
    end() {
      if (!isOwn) handler.end();
    },
  };
}
