// A place for many unpackings: each has a root of its own, and all share what they must not touch.
import * as fs from 'node:fs';
import { join } from 'node:path';
import { createUnpacker, type UnpackOptions, type UnpackReport } from '../../src/unpack/unpacker.ts';
import { slices } from '../support/slices.ts';
import { unpackRoom } from '../support/unpack-room.ts';

export interface Arena extends Disposable {
  /** Beside the roots; nothing may change in it, which is checked at the end. */
  readonly outside: string;
  /** A new empty directory of mode 0700; those before it are removed. */
  fresh(): string;
}

/** A multiple of it stays out of what a test keeps open on purpose. */
export function openDescriptors(): number {
  return fs.existsSync('/proc/self/fd') ? fs.readdirSync('/proc/self/fd').length : 0;
}

export function openArena(): Arena {
  const room = unpackRoom();
  let count = 0;
  let last: string | undefined;
  return {
    outside: room.sentinel,
    fresh() {
      if (last !== undefined) fs.rmSync(last, { recursive: true, force: true });
      const left = fs.readdirSync(room.root);
      if (left.length > 0) throw new Error(`something was unpacked beside its root: ${left}`);
      last = join(room.root, `root-${count++}`);
      fs.mkdirSync(last, { mode: 0o700 });
      return last;
    },
    [Symbol.dispose]: () => room[Symbol.dispose](),
  };
}

/** Unpacks streams cut into slices of these lengths. Each slice is overwritten once it has been taken. */
export async function unpackSliced(
  layers: readonly Uint8Array[],
  lengths: readonly number[],
  options: UnpackOptions,
): Promise<UnpackReport> {
  const unpacker = createUnpacker(options);
  try {
    for (const [index, layer] of layers.entries()) {
      unpacker.beginLayer(index);
      for (const part of slices(layer, lengths)) {
        const copy = Buffer.from(part);
        unpacker.write(copy);
        copy.fill(0xaa);
      }
      unpacker.endLayer();
    }
    return await unpacker.finish();
  } catch (error) {
    unpacker.abort();
    throw error;
  }
}
