// The native Zstandard decoder. It decodes all frames of a buffer in one call, off this thread.
// Bundled, its binaries lie beside the bundle; in a checkout the npm package finds its own.
import { createRequire } from 'node:module';

export type Decompress = (data: Buffer) => Promise<Buffer>;

/** Decodes all frames of a buffer; undefined where no binary fits this machine. The caller bounds the output beforehand. */
export function loadNativeDecompress(): Decompress | undefined {
  loaded ??= { decompress: firstThatLoads() };
  return loaded.decompress;
}
let loaded: { decompress: Decompress | undefined } | undefined;

function firstThatLoads(): Decompress | undefined {
  const load = createRequire(import.meta.url);
  for (const candidate of candidates()) {
    try {
      return (load(candidate) as { decompress: Decompress }).decompress;
    } catch {
      // Another libc, or not shipped: the next one, at last node:zlib.
    }
  }
  return undefined;
}

function candidates(): string[] {
  const { platform, arch } = process;
  const beside =
    platform === 'linux'
      ? [`linux-${arch}-gnu`, `linux-${arch}-musl`]
      : [platform === 'win32' ? `win32-${arch}-msvc` : `${platform}-${arch}`];
  return [...beside.map((triple) => `./zstd.${triple}.node`), '@mongodb-js/zstd'];
}
