// A pull that is cancelled says so and nothing else, whichever thread was at work.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, it } from 'vitest';
import type { Stage } from '../../src/progress/events.ts';
import { openPool } from '../../src/pull/jobs.ts';
import type { PullOptions } from '../../src/pull/options.ts';
import { readLayers } from '../../src/pull/read-layers.ts';
import { TocBudget } from '../../src/pull/toc-budget.ts';
import { createRing } from '../../src/unpack/ring.ts';
import { buildChunkedLayer } from '../support/chunked-layer.ts';
import { fixtureLayout } from '../support/fixture-image.ts';
import { pullHere } from '../support/local-images.ts';
import { rejected } from '../support/pull-error.ts';
import { startRegistry, type TestRegistry } from '../support/registry.ts';
import { temporaryDirectories } from '../support/temporary.ts';

const temporary = temporaryDirectories();
/** Waits for bytes that never come. */
const endless = () => ({ ring: createRing(), algorithms: ['sha256' as const] });

describe('openPool', () => {
  it('ends what its threads are doing with its signal, and what waits for one', async () => {
    const cancel = new AbortController();
    await using pool = openPool(1, cancel.signal);
    const jobs = [pool.run('hash', endless()), pool.run('hash', endless())];
    cancel.abort();
    await Promise.all(jobs.map((job) => rejected('ABORTED', job)));
  });

  it('runs nothing once its signal has fired', async () => {
    await using pool = openPool(1, AbortSignal.abort());
    await rejected('ABORTED', pool.run('hash', endless()));
  });
});

it('does not wait for tables of contents that are being read', async () => {
  const { blob, toc, dataEnd, descriptor } = buildChunkedLayer([{ name: 'one', body: 'first' }]);
  const path = join(temporary(), 'layer');
  writeFileSync(path, blob);
  const place = { path, offset: toc.start, compressedSize: toc.end - toc.start };
  const cancel = new AbortController();
  const limits = { signal: cancel.signal, budget: new TocBudget('whole') };
  const reading = readLayers([descriptor], limits, (_descriptor, _index, { readToc }) =>
    readToc({ ...place, digest: undefined, dataEnd }),
  );
  cancel.abort();
  await rejected('ABORTED', reading);
});

describe('pull', () => {
  let registry: TestRegistry;
  beforeAll(async () => {
    registry = await startRegistry({
      images: [{ repository: 'app', layout: fixtureLayout('zstd-chunked') }],
    });
  });
  afterAll(() => registry.close());

  it.each<[Stage, Parameters<typeof pullHere>[2]]>([
    ['plan', { verify: 'toc' }],
    ['plan', { paths: ['no/such/file'] }],
    ['fetch', { paths: ['no/such/file'] }],
    // Chunks of layers that came whole are looked up then.
    ['finish', {}],
  ])('fails with ABORTED where it is cancelled at the stage %s with %o', async (stage, options) => {
    const cancel = new AbortController();
    const onEvent: PullOptions['emit'] = (event) => {
      if (event.kind === 'stage' && event.stage === stage) cancel.abort();
    };
    const more = { ...options, tlsVerify: false, signal: cancel.signal, onEvent };
    await rejected('ABORTED', pullHere(temporary(), `${registry.host}/app:v1`, more));
  });
});
