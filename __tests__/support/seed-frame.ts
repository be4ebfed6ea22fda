// A store that holds one chunk: from then on a pull takes zstd:chunked layers apart, because there is something to share.
import { zstdCompressSync } from 'node:zlib';
import { Staging } from '../../src/store/staging.ts';
import { ChunkStore } from '../../src/store/store.ts';
import { sampleBlob } from './store-samples.ts';

/** A pack of one chunk that decodes to `content`, by default one that no image has. Returns the pack's key. */
export async function seedFrame(storeDirectory: string, content = 'a chunk of no image'): Promise<string> {
  const staging = new Staging(await ChunkStore.open(storeDirectory, true));
  const { bytes, hex } = sampleBlob(content);
  const frame = zstdCompressSync(bytes);
  const pack = await staging.pack(0);
  await pack.write(0, [frame]);
  await staging.adopt(0, [
    { form: 'frame', hex, offset: 0, compressedSize: frame.length, size: bytes.length },
  ]);
  const [sealed] = await staging.seal();
  if (!sealed) throw new Error('nothing was sealed');
  return sealed.key;
}
