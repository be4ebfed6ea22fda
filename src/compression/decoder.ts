// Runs a node:zlib decoder so that it works on its next output while the consumer still works on the last one.
import { once } from 'node:events';
import type { Transform } from 'node:stream';
import { releaseAfterLast } from '../bytes/release.ts';
import { PullError } from '../errors.ts';

export interface Decoder {
  /** Settles when all output of `bytes` has been through the sink. */
  write(bytes: Uint8Array): Promise<void>;
  end(): Promise<void>;
  /** Frees what the decoder holds; to be called on every path. */
  destroy(): void;
}

/**
 * Wraps a zlib stream. `sink` is called with each output in order, which is freed after the call. Throws TAR_INVALID for broken input; what `sink` throws
 * passes through, and ends the decoder.
 */
export function decodeThrough(stream: Transform, sink: (bytes: Uint8Array) => void): Decoder {
  let failure: { error: unknown } | undefined;
  stream.on('error', (cause) => {
    failure ??= { error: new PullError('TAR_INVALID', 'compressed data is broken or cut off', { cause }) };
  });
  stream.on('data', (bytes: Uint8Array) => {
    // In a microtask zlib's thread is already busy with the next output: sink and decoder overlap, one buffer deep.
    queueMicrotask(() => {
      if (failure) return;
      try {
        sink(bytes);
        releaseAfterLast(bytes);
      } catch (error) {
        failure = { error };
        stream.destroy();
      }
    });
  });
  const check = () => {
    if (failure) throw failure.error;
  };
  return {
    destroy: () => void stream.destroy(),
    async write(bytes) {
      check();
      await new Promise<void>((resolve) => {
        const done = () => {
          stream.off('close', done);
          resolve();
        };
        stream.once('close', done);
        stream.write(bytes, done);
      });
      check();
    },
    async end() {
      check();
      stream.end();
      if (!stream.closed) await once(stream, 'close').catch(() => undefined);
      check();
    },
  };
}
