import zlib from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { decodeThrough } from '../../src/compression/decoder.ts';
import { rejected } from '../support/pull-error.ts';
import { collector } from '../support/slices.ts';

const hello = zlib.gzipSync('hello');

describe('decodeThrough', () => {
  it('has given all output of a write when the write settles', async () => {
    const output = collector();
    const decoder = decodeThrough(zlib.createInflateRaw(), output.sink);
    const compressor = zlib.createDeflateRaw();
    const parts: Buffer[] = [];
    compressor.on('data', (bytes: Buffer) => parts.push(bytes));
    for (const text of ['one', 'two', 'three']) {
      compressor.write(text);
      await new Promise<void>((resolve) => compressor.flush(zlib.constants.Z_SYNC_FLUSH, () => resolve()));
      await decoder.write(Buffer.concat(parts.splice(0)));
      expect(output.text().endsWith(text)).toBe(true);
    }
    compressor.destroy();
  });

  it('stops the decoder when the sink throws', async () => {
    const stream = zlib.createGunzip({ chunkSize: 1024 });
    const failure = new Error('disk full');
    let calls = 0;
    const decoder = decodeThrough(stream, () => {
      calls++;
      throw failure;
    });
    await expect(decoder.write(zlib.gzipSync(Buffer.alloc(1 << 20)))).rejects.toBe(failure);
    expect([stream.destroyed, calls]).toEqual([true, 1]);
    await expect(decoder.write(hello)).rejects.toBe(failure);
    await expect(decoder.end()).rejects.toBe(failure);
  });

  it('settles every call after a failure of the data', async () => {
    const decoder = decodeThrough(zlib.createGunzip(), () => undefined);
    await rejected('TAR_INVALID', decoder.write(Buffer.from('no gzip at all')));
    await rejected('TAR_INVALID', decoder.write(hello));
    await rejected('TAR_INVALID', decoder.end());
  });

  it('settles writes behind the end of the data', async () => {
    const output = collector();
    const decoder = decodeThrough(zlib.createGunzip(), output.sink);
    await decoder.write(hello);
    for (let turn = 0; turn < 3; turn++) await decoder.write(Buffer.alloc(100));
    await decoder.end();
    expect(output.text()).toBe('hello');
  });
});
