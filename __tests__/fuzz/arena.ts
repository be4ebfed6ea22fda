// A place for many unpackings: each has a root of its own, and all share what they must not touch.
import * as fs from 'node:fs';
import { join } from 'node:path';
import { createUnpacker, type UnpackOptions, type UnpackReport } from '../../src/unpack/unpacker.ts';
import { slices } from '../support/slices.ts';
import { unpackRoom } from '../support/unpack-room.ts';

export interface Arena extends Disposable {
  /** Beside the roots; nothing may change in it, which is looked at closely at the end. */
  readonly outside: string;
  /** Throws if something outside has changed: a quick look, so that the culprit is known. */
  expectUntouched(): void;
  /** A new empty directory of mode 0700; those before it are removed. */
  fresh(): string;
}

/** 0 where the system does not tell. */
export function openDescriptors(): number {
  return fs.existsSync('/proc/self/fd') ? fs.readdirSync('/proc/self/fd').length : 0;
}

export function openArena(): Arena {
  const room = unpackRoom();
  const changes = () =>
    ['', 'secret', 'dir'].map((name) => fs.lstatSync(join(room.sentinel, name), { bigint: true }).ctimeNs);
  const before = changes().join();
  let count = 0;
  let last: string | undefined;
  return {
    outside: room.sentinel,
    expectUntouched() {
      if (changes().join() !== before) throw new Error('something outside of the root was touched');
    },
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
