// A blob behind a signed URL: reads of ranges that survive cut connections and a URL that has expired.
import type { ByteRange } from '../../bytes/range.ts';
import { parseContentRange, rangeHeader } from '../../http/content-range.ts';
import { contentLengthOf, type HttpAnswer, headerOf } from '../../http/exchange.ts';
import { parseRetryAfter } from '../../http/retry-after.ts';
import { CacheFault } from './fault.ts';
import { networkFault, type Transport } from './http.ts';
import { type ReadPatience, withRetries } from './retry.ts';
import type { Slots } from './slots.ts';

export interface BlobReads {
  readonly transport: Transport;
  readonly slots: Slots;
  readonly patience: ReadPatience;
  readonly scale: number;
}

export interface RemoteBlobOptions extends BlobReads {
  readonly url: URL;
  /** A fresh URL of the same entry; throws CacheFault where there is none. */
  readonly renew: () => Promise<URL>;
  readonly signal: AbortSignal;
  /** Bytes it must have; undefined: whatever. */
  readonly size: number | undefined;
  readonly maxBytes: number;
}

/** Takes bytes in order, and where they stand in the blob. */
export type Accept = (bytes: Uint8Array, position: number) => Promise<void>;

export interface ReadOptions {
  /** Ends this read alone. */
  readonly signal?: AbortSignal;
  /** Told when the size is known, and whether ranges are ignored; again after each failure. */
  readonly onOpen?: () => void;
  /** Reads everything where the server sends it anyway. */
  readonly orWhole?: boolean;
}

interface Opened {
  readonly answer: HttpAnswer;
  /** Where the body begins in the blob: not where it was asked to, if the server ignores ranges. */
  readonly start: number;
}

const WHAT = 'a cache entry';
/** What is asked for in one request takes no longer: a stuck connection is given up for a new one. */
const PART_TIMEOUT_MS = 60_000;
/** A URL that is refused again and again has not merely expired. */
const MAX_RENEWALS = 3;

export class RemoteBlob {
  readonly #options: RemoteBlobOptions;
  #url: URL;
  #renewing: Promise<void> | undefined;
  #renewals = 0;
  #etag: string | undefined;
  #size: number | undefined;
  #ignoresRanges = false;

  constructor(options: RemoteBlobOptions) {
    this.#options = options;
    this.#url = options.url;
  }

  /** Bytes of the whole, once something was read. */
  get size(): number | undefined {
    return this.#size;
  }

  /** Does the server send everything whatever it is asked for? Known once something was read. */
  get ignoresRanges(): boolean {
    return this.#ignoresRanges;
  }

  /**
   * Hands the bytes of `range` to `accept`, once each, in order; up to the end of the blob where that comes first. Throws CacheFault,
   * what `accept` throws, or the signal's reason.
   */
  async read(range: ByteRange, accept: Accept, options: ReadOptions = {}): Promise<void> {
    const { patience, scale, slots } = this.#options;
    const signal = AbortSignal.any([this.#options.signal, ...(options.signal ? [options.signal] : [])]);
    let start = range.start;
    const advance: Accept = async (bytes, position) => {
      await accept(bytes, position);
      start = position + bytes.length;
      patience.progress(bytes.length);
    };
    const attempt = () => this.#attempt({ start, end: range.end }, advance, { ...options, signal });
    await slots(() => withRetries({ patience, scale, signal }, attempt));
  }

  async #attempt(
    range: ByteRange,
    accept: Accept,
    options: ReadOptions & { signal: AbortSignal },
  ): Promise<void> {
    const { signal, onOpen, orWhole = false } = options;
    if (range.start >= this.#endOf(range, orWhole)) return;
    const timeout = AbortSignal.timeout(PART_TIMEOUT_MS);
    const opened = await this.#open(range, orWhole ? signal : AbortSignal.any([signal, timeout]));
    onOpen?.();
    if (opened) await this.#drain(opened, { start: range.start, end: this.#endOf(range, orWhole) }, accept);
  }

  #endOf({ end }: ByteRange, orWhole: boolean): number {
    if (this.#size === undefined) return end;
    return orWhole && this.#ignoresRanges ? this.#size : Math.min(end, this.#size);
  }

  /** undefined: there is nothing at `range`, for the blob is empty. */
  async #open(range: ByteRange, signal: AbortSignal): Promise<Opened | undefined> {
    const url = this.#url;
    const answer = await this.#request(url, range, signal);
    if (answer.status === 206) return this.#openPart(answer, range);
    if (answer.status === 200) return this.#openWhole(answer);
    answer.body.destroy();
    if (answer.status === 416 && range.start === 0) return this.#openEmpty(signal);
    if (answer.status === 403 || answer.status === 401) await this.#renew(url);
    throw this.#faultOf(answer);
  }

  async #request(url: URL, range: ByteRange, signal: AbortSignal): Promise<HttpAnswer> {
    const headers = {
      range: rangeHeader(range),
      ...(this.#etag === undefined ? {} : { 'if-match': this.#etag }),
    };
    return this.#options.transport.send({ url, headers, signal, what: WHAT });
  }

  #openPart(answer: HttpAnswer, range: ByteRange): Opened {
    const { range: sent, total } = parseContentRange(headerOf(answer, 'content-range')) ?? {};
    const isIt = sent?.start === range.start && sent.end === Math.min(range.end, total ?? Number.NaN);
    if (!isIt || total === undefined)
      this.#reject(
        answer,
        new CacheFault('protocol', `${this.#url.host} sent another range than was asked for`),
      );
    this.#learn(answer, total);
    return { answer, start: range.start };
  }

  #openWhole(answer: HttpAnswer): Opened {
    this.#ignoresRanges = true;
    const length = contentLengthOf(answer);
    // Without a length nobody knows whether a body that has ended is all of it.
    if (length === undefined)
      this.#reject(
        answer,
        new CacheFault('protocol', `${this.#url.host} does not say how long the entry is`),
      );
    this.#learn(answer, length);
    return { answer, start: 0 };
  }

  /** No range of an empty blob can be had, so all of it is asked for: https://www.rfc-editor.org/rfc/rfc9110#status.416 */
  async #openEmpty(signal: AbortSignal): Promise<undefined> {
    const answer = await this.#options.transport.send({ url: this.#url, headers: {}, signal, what: WHAT });
    answer.body.destroy();
    if (answer.status !== 200 || contentLengthOf(answer) !== 0) throw this.#faultOf(answer);
    this.#learn(answer, 0);
    return undefined;
  }

  #learn(answer: HttpAnswer, size: number): void {
    const { size: wanted, maxBytes } = this.#options;
    if (size !== (this.#size ?? wanted ?? size))
      this.#reject(
        answer,
        new CacheFault('limit', `the entry has ${size} bytes instead of ${this.#size ?? wanted}`),
      );
    if (size > maxBytes)
      this.#reject(answer, new CacheFault('limit', `the entry has ${size} bytes, more than ${maxBytes}`));
    this.#size = size;
    const etag = headerOf(answer, 'etag');
    // A weak one never matches.
    if (etag?.startsWith('"')) this.#etag ??= etag;
  }

  #reject(answer: HttpAnswer, fault: CacheFault): never {
    answer.body.destroy();
    throw fault;
  }

  async #drain({ answer, start }: Opened, range: ByteRange, accept: Accept): Promise<void> {
    const { end } = range;
    let position = start;
    for await (const bytes of this.#chunks(answer)) {
      const wanted = bytes.subarray(Math.max(0, range.start - position), Math.max(0, end - position));
      if (wanted.length > 0) await accept(wanted, Math.max(position, range.start));
      position += bytes.length;
      if (position >= end) return;
    }
    if (position < end) throw networkFault(this.#url, new Error('the body ended early'));
  }

  /** Only what the network does becomes a fault, not what the reader of these bytes throws. */
  async *#chunks({ body }: HttpAnswer): AsyncGenerator<Uint8Array> {
    const chunks = (body as AsyncIterable<Buffer>)[Symbol.asyncIterator]();
    try {
      for (;;) {
        const next = await chunks.next().catch((error: unknown) => {
          throw networkFault(this.#url, error);
        });
        if (next.done) return;
        yield next.value;
      }
    } finally {
      body.destroy();
    }
  }

  /** Parts whose URL expired in the same moment share one lookup. */
  async #renew(expired: URL): Promise<void> {
    if (this.#url !== expired) return;
    if (!this.#renewing && ++this.#renewals > MAX_RENEWALS)
      throw new CacheFault('denied', `the cache storage at ${expired.host} refuses every signed URL`);
    this.#renewing ??= this.#options.renew().then((url) => {
      this.#url = url;
    });
    try {
      await this.#renewing;
    } finally {
      this.#renewing = undefined;
    }
  }

  #faultOf(answer: HttpAnswer): CacheFault {
    const { status } = answer;
    const text = `the cache storage at ${this.#url.host} answered ${status}`;
    const retryAfter = parseRetryAfter(headerOf(answer, 'retry-after'), Date.now());
    if (status === 429) return new CacheFault('throttled', text, { isTransient: true, retryAfter });
    // The URL has been renewed.
    if (status === 401 || status === 403) return new CacheFault('denied', text, { isTransient: true });
    if ([404, 410, 412].includes(status)) return new CacheFault('gone', text);
    if ([408, 500, 502, 503, 504].includes(status))
      return new CacheFault('network', text, { isTransient: true, retryAfter });
    return new CacheFault('protocol', text);
  }
}
