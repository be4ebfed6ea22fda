// An ImageSource in memory that keeps a log and misbehaves on demand.
import type { ByteRange } from '../../src/bytes/range.ts';
import { PullError } from '../../src/errors.ts';
import { digestOf } from '../../src/integrity/hash.ts';
import type { Descriptor } from '../../src/oci/descriptor.ts';
import type { BlobBody, ImageSource, RawManifest } from '../../src/source/source.ts';
import { slices } from './slices.ts';

export interface FakeSourceOptions {
  /** By tag or digest; what the source calls them stands before. */
  readonly manifests?: Readonly<Record<string, { readonly bytes: Uint8Array; readonly mediaType?: string }>>;
  readonly blobs?: readonly Uint8Array[];
  /** Answers with the whole blob whatever is asked for, or to which requests. */
  readonly ignoresRanges?: boolean | ((request: FakeRequest) => boolean);
  /** Lengths of the slices, in turn. */
  readonly cut?: readonly number[];
  /** Called before each answer; what it throws is what the request fails with. */
  readonly onRequest?: (request: FakeRequest, signal: AbortSignal) => Promise<void> | void;
  /** Called before each slice. */
  readonly onSlice?: (request: FakeRequest, position: number, signal: AbortSignal) => Promise<void> | void;
  /** The body ends after so many bytes, as if that were all. */
  readonly endsAfter?: number;
}

export interface FakeRequest {
  readonly number: number;
  readonly digest: string;
  readonly range: ByteRange;
}

export interface FakeSource extends ImageSource {
  readonly log: FakeRequest[];
  /** What was asked for as a manifest, and what it was expected to be. */
  readonly asked: [target: string, expected: Descriptor | undefined][];
  /** Bodies that somebody has begun to read and not yet let go of. */
  readonly openBodies: number;
}

export function descriptorOf(bytes: Uint8Array, more: Partial<Descriptor> = {}): Descriptor {
  const annotations = Object.create(null);
  return {
    mediaType: 'application/octet-stream',
    digest: digestOf(bytes),
    size: bytes.length,
    annotations,
    ...more,
  };
}

export function createFakeSource(options: FakeSourceOptions = {}): FakeSource {
  const blobs = new Map((options.blobs ?? []).map((bytes) => [digestOf(bytes) as string, bytes]));
  const log: FakeRequest[] = [];
  const asked: FakeSource['asked'] = [];
  let openBodies = 0;

  async function* read(
    request: FakeRequest,
    range: ByteRange,
    signal: AbortSignal,
  ): AsyncGenerator<Uint8Array> {
    openBodies++;
    try {
      const bytes = (blobs.get(request.digest) ?? new Uint8Array()).subarray(range.start, range.end);
      let position = 0;
      for (const slice of slices(bytes, options.cut ?? [64 << 10])) {
        await options.onSlice?.(request, position, signal);
        signal.throwIfAborted();
        if (position >= (options.endsAfter ?? Number.POSITIVE_INFINITY)) return;
        position += slice.length;
        yield slice;
      }
    } finally {
      openBodies--;
    }
  }

  return {
    name: 'example.com/app',
    log,
    asked,
    get openBodies() {
      return openBodies;
    },
    get requests() {
      return log.length;
    },
    manifest: async (target, expected): Promise<RawManifest> => {
      asked.push([target, expected]);
      const found = options.manifests?.[target];
      if (!found) throw new PullError('NOT_FOUND', `manifest ${target} is not known`);
      return { bytes: found.bytes, mediaType: found.mediaType ?? '', digest: digestOf(found.bytes) };
    },
    smallBlob: async (descriptor, maxBytes) => {
      if (descriptor.size > maxBytes) throw new PullError('LIMIT_EXCEEDED', 'too large');
      const found = blobs.get(descriptor.digest);
      if (!found) throw new PullError('NOT_FOUND', `blob ${descriptor.digest} is not known`);
      return found;
    },
    openBlob: async (descriptor, range, signal): Promise<BlobBody> => {
      const request = { number: log.length, digest: descriptor.digest, range };
      log.push(request);
      await options.onRequest?.(request, signal);
      signal.throwIfAborted();
      const { ignoresRanges = false } = options;
      const isWhole = typeof ignoresRanges === 'boolean' ? ignoresRanges : ignoresRanges(request);
      const answered = isWhole ? { start: 0, end: descriptor.size } : range;
      return { range: answered, chunks: read(request, answered, signal) };
    },
    close: async () => undefined,
  };
}
