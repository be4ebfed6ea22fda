// A file sink that does nothing, for tests of what is asked of one.
import type { FileSink } from '../../src/unpack/file-sink.ts';
import { NoDisk } from '../../src/unpack/no-disk.ts';

export function sinkOnNothing(overrides: Partial<FileSink> = {}): FileSink {
  return Object.assign(new NoDisk(), overrides);
}
