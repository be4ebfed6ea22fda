// Drives the unpacker over whole layers. Free of the test runner, so that other processes can use it.
import { createUnpacker, type UnpackOptions, type UnpackReport } from '../../src/unpack/unpacker.ts';

export async function unpackLayers(
  layers: readonly Uint8Array[],
  options: UnpackOptions,
): Promise<UnpackReport> {
  const unpacker = createUnpacker(options);
  try {
    for (const [index, layer] of layers.entries()) {
      unpacker.beginLayer(index);
      unpacker.write(layer);
      unpacker.endLayer();
    }
    return await unpacker.finish();
  } catch (error) {
    unpacker.abort();
    throw error;
  }
}
