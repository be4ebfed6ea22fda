import { randomBytes } from 'node:crypto';
import { afterEach, describe, expect, it } from 'vitest';
import { type ReadTocJob, readToc } from '../../src/fetch/jobs.ts';
import { readLayerMetadata } from '../../src/fetch/metadata.ts';
import { createTally, type LayerTally } from '../../src/fetch/tally.ts';
import { openTocImage } from '../../src/fetch/toc-image.ts';
import { digestOf } from '../../src/integrity/hash.ts';
import type { Descriptor } from '../../src/oci/descriptor.ts';
import { outsideTocName } from '../../src/store/part-name.ts';
import { Staging } from '../../src/store/staging.ts';
import { ChunkStore } from '../../src/store/store.ts';
import { tocBlob } from '../support/external-toc.ts';
import { createFakeSource, descriptorOf } from '../support/fake-source.ts';
import { buildStargzLayer } from '../support/stargz-layer.ts';
import { temporaryDirectories } from '../support/temporary.ts';

const newDirectory = temporaryDirectories();
const opened: Staging[] = [];
afterEach(async () => {
  for (const staging of opened.splice(0)) await staging.discard();
});

const layer = buildStargzLayer([{ name: 'big', body: randomBytes(300_000) }], {
  chunkSize: 100_000,
  footer: 'external',
});
const TOC = tocBlob(layer.tocText);
const NAME = outsideTocName(layer.descriptor.digest, digestOf(Buffer.from(layer.tocText)));
const config = descriptorOf(Buffer.from('{}'), { mediaType: 'application/vnd.oci.image.config.v1+json' });
const key = 'containerd.io/snapshot/stargz/layer.digest';
const tocs = [descriptorOf(TOC, { annotations: { [key]: layer.descriptor.digest } })];
const bytes = Buffer.from(JSON.stringify({ schemaVersion: 2, config, layers: tocs }));

/** With a store that may claim to hold the TOC in so many bytes, of which `held` are there. */
async function room(held: Uint8Array | undefined, claimed = held?.length ?? 0) {
  const store = await ChunkStore.open(newDirectory(), true);
  const staging = new Staging(store);
  opened.push(staging);
  if (held) {
    const offset = staging.reserve(held.length);
    await (await staging.pack(0)).write(offset, [held]);
    const size = { compressedSize: claimed, size: claimed };
    await staging.adopt(0, [{ form: 'part', hex: NAME, offset, ...size }]);
  }
  const source = createFakeSource({ blobs: [layer.blob, TOC], manifests: { 'v1-esgztoc': { bytes } } });
  const jobs: ReadTocJob[] = [];
  const messages: string[] = [];
  const [tally] = createTally(1) as [LayerTally];
  const read = (descriptor: Descriptor = layer.descriptor) =>
    readLayerMetadata(descriptor, {
      source,
      store,
      staging,
      tally,
      tocImage: openTocImage(source, 'v1'),
      readToc: (job) => {
        jobs.push(job);
        return readToc(job);
      },
      emit: (event) => void (event.kind === 'warning' && messages.push(event.message)),
      signal: new AbortController().signal,
      trustsToc: true,
    });
  return { read, source, jobs, messages, tally };
}

describe('a TOC out of another image', () => {
  it('is fetched once, and found in the store afterwards', async () => {
    const { read, source, tally } = await room(undefined);
    const first = await read();
    if (first.kind !== 'chunked') throw new Error('not chunked');
    expect(first.table.sizes.length).toBe(3);
    expect(source.log.map(({ digest }) => digest)).toEqual([layer.descriptor.digest, digestOf(TOC)]);
    expect(tally).toEqual({ bytes: 72 + TOC.length, requests: 2, ranges: 1 });
    expect(await read()).toMatchObject({ kind: 'chunked', table: first.table });
    expect([source.log.length, source.asked.length]).toEqual([2, 1]);
  });

  it('is taken from the store by layer and digest alone', async () => {
    const { read, source } = await room(TOC);
    expect(await read()).toMatchObject({ kind: 'chunked' });
    expect(source.asked).toEqual([]);
  });

  it.each<[string, Uint8Array, number | undefined, number, RegExp]>([
    ['is another one', tocBlob('{"version":1,"entries":[]}'), undefined, 2, /hashes to/],
    ['is no archive', Buffer.alloc(500), undefined, 2, /cannot be decoded/],
    ['is cut off', TOC.subarray(0, 100), TOC.length, 2, /cannot be read/],
    ['is called larger than any may be', TOC, (64 << 20) + 1, 1, /too large/],
  ])('is fetched anew if that in the store %s', async (_, held, claimed, read, warning) => {
    const here = await room(held, claimed);
    expect(await here.read()).toMatchObject({ kind: 'chunked' });
    expect(here.messages).toEqual([expect.stringMatching(warning)]);
    expect(here.jobs).toHaveLength(read);
    expect(await here.read()).toMatchObject({ kind: 'chunked' });
    expect(here.source.asked).toHaveLength(1);
    expect(here.messages).toHaveLength(1);
  });
});
