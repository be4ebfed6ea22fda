// Decoding Zstandard frames safely: none is lost, and no output is larger than what the caller allows.
import zlib from 'node:zlib';
import { PullError } from '../errors.ts';
import { type FrameInfo, scanFrames } from './zstd-frames.ts';
import { loadNativeDecompress } from './zstd-native.ts';

/** Frames are decoded at one go only if they cannot grow beyond this. */
export const MAX_BATCH_OUTPUT = 64 << 20;
/** A frame whose blocks can hold this much more than its header says is not decoded at one go. Blocks may be half empty. */
export const MAX_EXCESS = 8 << 20;

/**
 * Decodes a buffer of whole frames that must give exactly `size` bytes. Throws TAR_INVALID otherwise, before it uses
 * much more memory than that.
 */
export async function decodeFrames(
  bytes: Uint8Array,
  size: number,
  load = loadNativeDecompress,
): Promise<Uint8Array> {
  const native = load();
  const frames = scanFrames(bytes);
  const bound = frames.reduce((sum, frame) => sum + (frame.skippable ? 0 : frame.maxSize), 0);
  const excess = frames.reduce((most, frame) => Math.max(most, excessOf(frame)), 0);
  // A small frame often does not tell its size, and then counts as whole blocks: hence the slack.
  const safe =
    frames.length > 0 &&
    excess <= MAX_EXCESS &&
    bound <= size + frames.length * (128 << 10) &&
    bound <= Math.max(MAX_BATCH_OUTPUT, size + (1 << 20));
  const output =
    native && safe ? await native(toBuffer(bytes)).catch(broken) : decodeOneByOne(bytes, frames, size);
  if (output.length !== size) {
    throw new PullError('TAR_INVALID', `zstd frames decode to ${output.length} bytes instead of ${size}`);
  }
  return output;
}

function decodeOneByOne(
  bytes: Uint8Array,
  frames: readonly { skippable: boolean; compressedSize: number }[],
  size: number,
): Uint8Array {
  const parts: Uint8Array[] = [];
  let at = 0;
  let left = size;
  for (const frame of frames) {
    const part = bytes.subarray(at, at + frame.compressedSize);
    at += frame.compressedSize;
    if (frame.skippable) continue;
    const output = decodeOne(part, left);
    left -= output.length;
    parts.push(output);
  }
  return parts.length === 1 ? (parts[0] as Uint8Array) : Buffer.concat(parts);
}

function decodeOne(frame: Uint8Array, maxSize: number): Uint8Array {
  try {
    return zlib.zstdDecompressSync(frame, { maxOutputLength: Math.max(1, maxSize) });
  } catch (cause) {
    return broken(cause);
  }
}

/** What may come out of a frame beyond its own account before the decoder notices. */
export function excessOf(frame: FrameInfo): number {
  return frame.blockBound - frame.maxSize;
}

export function broken(cause: unknown): never {
  throw new PullError('TAR_INVALID', 'zstd data cannot be decoded', { cause });
}

function toBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
