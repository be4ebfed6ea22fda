import { describe, expect, it } from 'vitest';
import type { ByteRange } from '../../src/bytes/range.ts';
import type { PullError } from '../../src/errors.ts';
import { OCI_INDEX } from '../../src/oci/media-type.ts';
import { resolveImage } from '../../src/pull/resolve.ts';
import type { ImageSource } from '../../src/source/source.ts';
import { fixtureImage } from '../support/fixture-image.ts';
import { type MirrorOptions, startMirrored } from '../support/mirrored-source.ts';
import type { TestRegistry } from '../support/registry.ts';
import { collect, rejection } from '../support/registry-client.ts';
import type { Fault } from '../support/registry-faults.ts';

const image = fixtureImage();
const { layer } = image;
const content = image.bytes(layer);
const WHOLE = { start: 0, end: layer.size };
const PART = { start: 100_000, end: 1_100_000 };
const CREDENTIAL = { username: 'reader', password: 'hunter2-hunter2' };
const AMD64 = { os: 'linux', architecture: 'amd64' };
const never = new AbortController().signal;

async function read(source: ImageSource, range: ByteRange = PART): Promise<void> {
  const body = await source.openBlob(layer, range, never);
  expect(body.range).toEqual(range);
  expect((await collect(body.chunks)).equals(content.subarray(range.start, range.end))).toBe(true);
}

/** How often blobs and manifests were asked for. */
function counts(registries: readonly TestRegistry[]): number[] {
  return registries.map(({ requests }) => requests.filter(({ path }) => /blobs|manifests/.test(path)).length);
}

function fault(effect: Fault): MirrorOptions {
  return { faults: [effect] };
}

const nameUnknown = fault({
  kind: 'status',
  status: 404,
  body: JSON.stringify({
    errors: [{ code: 'NAME_UNKNOWN', message: 'repository name not known to registry' }],
  }),
});

describe('a mirror', () => {
  it('is asked for what digests name, the registry for what tags mean', async () => {
    await using mirrored = await startMirrored({}, {});
    expect((await mirrored.source.manifest('v1')).digest).toBe(image.digest);
    expect(counts(mirrored.registries)).toEqual([0, 1]);
    await mirrored.source.manifest(image.digest);
    await mirrored.source.smallBlob(image.config, 10_000);
    await read(mirrored.source);
    expect(counts(mirrored.registries)).toEqual([3, 1]);
  });

  it('is asked for a tag first where configuration says so, and the registry where that fails', async () => {
    const host = { serves: { tags: true, digests: true } };
    await using mirrored = await startMirrored(
      { host, ...fault({ kind: 'status', status: 404, after: 1 }) },
      {},
    );
    await mirrored.source.manifest('v1');
    expect(counts(mirrored.registries)).toEqual([1, 0]);
    await mirrored.source.manifest('v1');
    expect(counts(mirrored.registries)).toEqual([2, 1]);
    expect(mirrored.warnings).toEqual([]);
  });

  it('is not asked for digests where it serves tags alone', async () => {
    const host = { serves: { tags: true, digests: false } };
    await using mirrored = await startMirrored({ host }, {});
    await mirrored.source.manifest('v1');
    await read(mirrored.source);
    expect(counts(mirrored.registries)).toEqual([1, 1]);
  });

  it('is told which registry it stands in for, and gets its own headers and path, at that host alone', async () => {
    const host = { namespace: 'docker.io', headers: { 'X-Pass': 'let me in' }, apiPath: 'v2/proxy/hub' };
    const images = [{ repository: 'proxy/hub/owner/image', layout: image.layout }];
    await using mirrored = await startMirrored({ host, images, blobs: 'redirect' }, {});
    await mirrored.source.manifest(image.digest);
    await read(mirrored.source);
    const [mirror, registry] = mirrored.registries;
    const [asked, found] = [
      mirror?.requests.filter(({ origin }) => origin === 'registry') ?? [],
      mirror?.requests.filter(({ origin }) => origin === 'storage') ?? [],
    ];
    expect(asked.map(({ path }) => path)).toEqual([
      `/v2/proxy/hub/owner/image/manifests/${image.digest}?ns=docker.io`,
      `/v2/proxy/hub/owner/image/blobs/${layer.digest}?ns=docker.io`,
    ]);
    expect(asked.every(({ headers }) => headers['x-pass'] === 'let me in')).toBe(true);
    expect(found.map(({ path, headers }) => [path.includes('ns='), headers['x-pass']])).toEqual([
      [false, undefined],
    ]);
    expect(registry?.requests).toEqual([]);
  });

  it('may have another name for the repository', async () => {
    const images = [{ repository: 'hub/library/image', layout: image.layout }];
    await using mirrored = await startMirrored({ host: { repository: 'hub/library/image' }, images }, {});
    await read(mirrored.source);
    expect(counts(mirrored.registries)).toEqual([1, 0]);
  });
});

describe('a mirror that fails costs a detour, not the pull', () => {
  /** Mirror; how often it and the registry are asked for a manifest by digest, a config, and twice a part of a layer. */
  it.each<[string, MirrorOptions, number, number]>([
    ['has nothing', fault({ kind: 'status', status: 404 }), 3, 4],
    ['does not know the repository', { images: [] }, 3, 4],
    ['says that it does not know the repository', nameUnknown, 1, 4],
    ['is closed to us', { auth: { kind: 'basic', ...CREDENTIAL } }, 1, 4],
    ['forbids', fault({ kind: 'status', status: 403 }), 3, 4],
    ['is broken, and tried twice', fault({ kind: 'status', status: 500 }), 6, 4],
    ['asks to wait', fault({ kind: 'status', status: 429, headers: { 'retry-after': '30' } }), 3, 4],
    ['sends manifests without end', fault({ kind: 'miscount', bytes: 5_000_000, on: '/manifests/' }), 4, 1],
  ])('%s', async (_name, mirror, asked, served) => {
    await using mirrored = await startMirrored(mirror, {});
    const { source } = mirrored;
    expect((await source.manifest(image.digest)).digest).toBe(image.digest);
    expect(await source.smallBlob(image.config, 10_000)).toHaveLength(image.config.size);
    await read(source);
    await read(source);
    expect(counts(mirrored.registries)).toEqual([asked, served]);
  });

  it('is not there, which shows at once', async () => {
    await using mirrored = await startMirrored({ isDown: true }, {});
    const started = performance.now();
    await mirrored.source.manifest(image.digest);
    await read(mirrored.source);
    expect(performance.now() - started).toBeLessThan(1000);
    expect(mirrored.source.hosts?.map(({ requests, failures }) => [requests, failures])).toEqual([
      [1, 1],
      [2, 0],
    ]);
    const [mirror] = mirrored.registries;
    expect(mirrored.warnings).toEqual([
      `the mirror ${mirror?.host} is not asked any more in this pull: the connection was refused (ECONNREFUSED)`,
    ]);
    expect(mirrored.source.remarks?.()).toEqual([]);
  });

  it('lies about manifests and configs', async () => {
    await using mirrored = await startMirrored(fault({ kind: 'corrupt', offset: 7 }), {});
    await mirrored.source.manifest(image.digest);
    await mirrored.source.manifest(image.digest);
    await mirrored.source.smallBlob(image.config, 10_000);
    expect(counts(mirrored.registries)).toEqual([2, 3]);
  });

  it('holds a shorter blob', async () => {
    await using mirrored = await startMirrored(fault({ kind: 'truncate', size: 1000 }), {});
    await read(mirrored.source);
    await read(mirrored.source, WHOLE);
    expect(counts(mirrored.registries)).toEqual([1, 2]);
  });

  it('never sends the first byte', async () => {
    await using mirrored = await startMirrored(fault({ kind: 'stall', bytes: 0 }), {});
    await read(mirrored.source);
    expect(counts(mirrored.registries)).toEqual([2, 1]);
  });

  it('fails for good after three failures', async () => {
    await using mirrored = await startMirrored(fault({ kind: 'status', status: 403 }), {});
    for (let reads = 0; reads < 5; reads++) await read(mirrored.source);
    expect(counts(mirrored.registries)).toEqual([3, 5]);
    expect(mirrored.warnings).toEqual([expect.stringContaining('answered 403')]);
    expect(mirrored.source.hosts?.[0]?.failures).toBe(3);
  });

  it('lacks one blob and is asked for others', async () => {
    const missing = fault({ kind: 'status', status: 404, on: layer.digest });
    await using mirrored = await startMirrored(missing, {});
    for (let reads = 0; reads < 4; reads++) await read(mirrored.source);
    await mirrored.source.smallBlob(image.config, 10_000);
    expect(counts(mirrored.registries)).toEqual([2, 4]);
  });

  it('is one of two', async () => {
    await using mirrored = await startMirrored({ isDown: true }, {}, {});
    await read(mirrored.source);
    await read(mirrored.source);
    expect(counts(mirrored.registries)).toEqual([0, 2, 0]);
  });
});

describe('a mirror that calls a manifest what it is not', () => {
  const lie = { kind: 'header', name: 'content-type', value: OCI_INDEX } as const;

  it('is not asked what it calls what a digest names', async () => {
    await using mirrored = await startMirrored(fault(lie), {});
    const { manifest } = await resolveImage(mirrored.source, image.digest, AMD64);
    expect(manifest.layers).not.toEqual([]);
    expect(counts(mirrored.registries)).toEqual([2, 0]);
  });

  it('is passed over where it was asked for a tag', async () => {
    const host = { serves: { tags: true, digests: true } };
    await using mirrored = await startMirrored({ ...fault(lie), host }, {});
    expect((await mirrored.source.manifest('v1')).digest).toBe(image.digest);
    expect(counts(mirrored.registries)).toEqual([1, 1]);
  });
});

describe('a body that breaks at a mirror', () => {
  it.each([
    ['the whole blob', WHOLE],
    ['a range', PART],
  ])('goes on at the next host, and no byte comes twice: %s', async (_name, range) => {
    const cut: Fault = { kind: 'cut', bytes: 300_000 };
    await using mirrored = await startMirrored(fault(cut), {});
    await read(mirrored.source, range);
    const [mirror, registry] = mirrored.registries;
    const starts = [...(mirror?.requests ?? []), ...(registry?.requests ?? [])].map((one) =>
      Number(/=(\d+)-/.exec(one.range ?? '=0-')?.[1]),
    );
    // Twice from the mirror, each time a good part of 300 kB, and the remainder from the registry.
    expect(starts).toHaveLength(3);
    expect(starts[0]).toBe(range.start);
    expect(starts).toEqual(starts.toSorted((a, b) => a - b));
    const received = mirrored.source.hosts?.map(({ bytes }) => bytes) ?? [];
    expect(received[0]).toBe((starts[2] ?? 0) - range.start);
    expect(received[1]).toBe(range.end - (starts[2] ?? 0));
    expect(received[0]).toBeGreaterThan(100_000);
  });

  it('goes on at a host that ignores ranges, without what is there already', async () => {
    const cut: Fault = { kind: 'cut', bytes: 300_000 };
    await using mirrored = await startMirrored(fault(cut), fault({ kind: 'ignore-ranges' }));
    await read(mirrored.source);
    expect(counts(mirrored.registries)).toEqual([2, 1]);
  });

  it.each([
    ['the layer', layer.digest, [1, 1]],
    ['the manifest', 'manifests', [2, 1]],
  ])('drips, and goes on elsewhere: %s', async (_name, on, asked) => {
    await using mirrored = await startMirrored(fault({ kind: 'drip', bytesPerSecond: 200, on }), {});
    if (on === layer.digest) await read(mirrored.source);
    else expect((await mirrored.source.manifest(image.digest)).digest).toBe(image.digest);
    expect(counts(mirrored.registries)).toEqual(asked);
    expect(mirrored.source.hosts?.map(({ failures }) => failures)).toEqual([1, 0]);
  });

  it('falls silent and goes on elsewhere', async () => {
    await using mirrored = await startMirrored(fault({ kind: 'stall', bytes: 300_000 }), {});
    await read(mirrored.source);
    expect(counts(mirrored.registries)).toEqual([2, 1]);
  });
});

describe('damage that shows later', () => {
  it('is blamed on the mirror that sent it: the next bytes come from elsewhere', async () => {
    await using mirrored = await startMirrored(fault({ kind: 'corrupt', offset: 200_000 }), {});
    const { source } = mirrored;
    const body = await source.openBlob(layer, PART, never);
    expect((await collect(body.chunks)).equals(content.subarray(PART.start, PART.end))).toBe(false);
    expect(source.distrust?.(layer.digest)).toBe(true);
    await read(source);
    expect(counts(mirrored.registries)).toEqual([1, 1]);
    expect(source.hosts?.[0]?.failures).toBe(1);
    await source.smallBlob(image.config, 10_000);
    expect(counts(mirrored.registries)).toEqual([2, 1]);
  });

  it('cannot be blamed on a mirror that sent nothing of it', async () => {
    await using mirrored = await startMirrored({}, {});
    expect(mirrored.source.distrust?.(layer.digest)).toBe(false);
    expect(mirrored.source.hosts?.[0]?.failures).toBe(0);
  });

  it('has the registry asked anew where the blob is', async () => {
    await using mirrored = await startMirrored({ blobs: 'redirect' });
    await read(mirrored.source);
    expect(mirrored.source.distrust?.(layer.digest)).toBe(false);
    await read(mirrored.source);
    expect(mirrored.registries[0]?.requests.map(({ status }) => status)).toEqual([307, 206, 307, 206]);
  });
});

describe('when all hosts fail', () => {
  it('the failure of the registry counts, and the others are told', async () => {
    await using mirrored = await startMirrored(
      { isDown: true },
      fault({ kind: 'status', status: 403 }),
      fault({ kind: 'status', status: 404 }),
    );
    const error = await rejection(mirrored.source.openBlob(layer, PART, never));
    expect(error).toMatchObject({ code: 'NOT_FOUND', status: 404 });
    const [down, forbidding, registry] = mirrored.registries;
    expect(error.message).toMatch(new RegExp(`${registry?.host} answered 404.*mirrors failed before`));
    expect(error.message).toMatch(new RegExp(`${down?.host}: .*ECONNREFUSED`));
    expect(error.message).toContain(`${forbidding?.host}: answered 403`);
    expect(error.message).not.toContain('\n');
  });

  it('in the middle of a body, that is told as well', async () => {
    const cut: Fault = { kind: 'cut', bytes: 300_000 };
    await using mirrored = await startMirrored(fault(cut), fault({ kind: 'status', status: 404 }));
    const body = await mirrored.source.openBlob(layer, PART, never);
    const error = await rejection(collect(body.chunks));
    expect(error).toMatchObject({
      code: 'NOT_FOUND',
      message: expect.stringContaining('mirrors failed before'),
    });
  });

  it('a pull that was cancelled blames nobody', async () => {
    await using mirrored = await startMirrored(fault({ kind: 'stall', bytes: 0 }), {});
    const controller = new AbortController();
    const body = await mirrored.source.openBlob(layer, PART, controller.signal);
    setTimeout(() => controller.abort(), 50);
    await expect(collect(body.chunks)).rejects.toMatchObject({ code: 'ABORTED' });
    expect(mirrored.source.hosts?.[0]?.failures).toBe(0);
    expect(counts(mirrored.registries)).toEqual([1, 0]);
  });
});

describe('credentials', () => {
  const OTHER = { username: 'mirror', password: 'another-password' };

  it('are looked up for each host, and only where it asks for one', async () => {
    const host = { repository: 'owner/image' };
    await using mirrored = await startMirrored(
      {},
      { host, auth: { kind: 'basic', ...OTHER }, credential: OTHER },
      { auth: { kind: 'bearer', ...CREDENTIAL }, credential: CREDENTIAL },
    );
    const [open, guarded, registry] = mirrored.registries;
    open?.faults.add({ kind: 'status', status: 404 });
    await read(mirrored.source);
    expect(open?.requests.map(({ authorization }) => authorization)).toEqual([undefined]);
    expect(guarded?.requests.map(({ authorization }) => authorization)).toEqual([undefined, 'basic']);
    await mirrored.source.manifest('v1');
    expect(registry?.requests.map(({ authorization }) => authorization)).toEqual([
      undefined,
      'basic',
      'bearer',
    ]);
    expect(mirrored.lookups).toEqual([`${guarded?.host} owner/image`, `${registry?.host} owner/image`]);
  });

  it('of the registry never reach a mirror that asks for some', async () => {
    await using mirrored = await startMirrored(
      { auth: { kind: 'basic', ...CREDENTIAL } },
      { auth: { kind: 'basic', ...CREDENTIAL }, credential: CREDENTIAL },
    );
    await mirrored.source.manifest('v1');
    await read(mirrored.source);
    expect(mirrored.registries[0]?.requests.map(({ authorization }) => authorization)).toEqual([undefined]);
    expect(mirrored.registries[1]?.requests.at(-1)).toMatchObject({ status: 206, authorization: 'basic' });
  });
});

describe('in the end', () => {
  const notFound = { kind: 'status', status: 404 } as const;

  it('a mirror that knew nothing at all is told, with the name it was asked for', async () => {
    const wrong = { repository: 'mistyped/owner/image', source: '`mirrors`' };
    await using mirrored = await startMirrored({ ...fault(notFound), host: wrong }, {});
    await mirrored.source.smallBlob(image.config, 10_000);
    await read(mirrored.source);
    const [mirror] = mirrored.registries;
    expect(mirrored.warnings).toEqual([]);
    expect(mirrored.source.remarks?.()).toEqual([
      {
        kind: 'warning',
        message: `the mirror ${mirror?.host} had nothing of the image: it does not know ${mirror?.host}/mistyped/owner/image, as \`mirrors\` has it (asked 2 times)`,
      },
    ]);
  });

  it('a mirror that had something is not, nor one that was not asked', async () => {
    await using mirrored = await startMirrored(fault({ ...notFound, on: layer.digest }), {}, {});
    await mirrored.source.smallBlob(image.config, 10_000);
    await read(mirrored.source);
    await using idle = await startMirrored({}, {});
    expect([mirrored.source.remarks?.(), idle.source.remarks?.()]).toEqual([[], []]);
  });
});

describe('a tag whose registry is out of reach', () => {
  it('is to be replaced by a digest, or a mirror to be allowed to say what it means', async () => {
    await using mirrored = await startMirrored({}, { isDown: true });
    const error = await rejection(mirrored.source.manifest('v1'));
    expect(error).toMatchObject({
      code: 'REGISTRY_UNAVAILABLE',
      hint: expect.stringMatching(
        new RegExp(`not of the mirror ${mirrored.registries[0]?.host}\\. .*@sha256.*pull-from-mirror`),
      ),
    });
  });

  it.each<[string, MirrorOptions, MirrorOptions]>([
    ['is not there', {}, { faults: [{ kind: 'status', status: 404 }] }],
    [
      'may be asked of the mirror',
      { host: { serves: { tags: true, digests: true } }, isDown: true },
      { isDown: true },
    ],
  ])('needs no such hint where it %s', async (_what, mirror, registry) => {
    await using mirrored = await startMirrored(mirror, registry);
    const error = await rejection(mirrored.source.manifest('v1'));
    expect((error as PullError).hint).not.toContain('pull-from-mirror');
  });
});

describe('a foreign layer', () => {
  const foreign = {
    ...layer,
    annotations: {},
    mediaType: 'application/vnd.docker.image.rootfs.foreign.diff.tar.gzip',
  };

  it('is fetched from the registry like any other', async () => {
    await using mirrored = await startMirrored({});
    const { range } = await mirrored.source.openBlob(foreign, PART, never);
    expect(range).toEqual(PART);
  });

  it('that is not there is not called lost', async () => {
    await using mirrored = await startMirrored(fault({ kind: 'status', status: 404 }));
    expect(await rejection(mirrored.source.openBlob(foreign, PART, never))).toMatchObject({
      code: 'MEDIA_TYPE_UNSUPPORTED',
      message: expect.stringContaining(`does not hold the layer ${layer.digest}, a foreign one`),
      hint: expect.stringContaining('"urls"'),
    });
  });
});
