// A file sink that does nothing, for tests of what is asked of one.
import type { FileSink } from '../../src/unpack/file-sink.ts';

const nothing = (): void => {};

export function sinkOnNothing(overrides: Partial<FileSink> = {}): FileSink {
  return {
    makeDirectory: nothing,
    openFile: nothing,
    writeFile: nothing,
    closeFile: nothing,
    makeSymlink: nothing,
    makeHardLink: () => 'linked',
    removeFile: nothing,
    removeDirectory: nothing,
    setDirectory: nothing,
    setSpecialFile: () => true,
    abort: nothing,
    ...overrides,
  };
}
