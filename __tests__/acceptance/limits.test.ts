// Limits as the user sets them, in the built program.
import { readdirSync } from 'node:fs';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { digestOf } from '../../src/integrity/hash.ts';
import { pullJson, runCli, scratch } from '../support/cli.ts';
import { fixtureLayout } from '../support/fixture-image.ts';
import { startRegistry, type TestRegistry } from '../support/registry.ts';
import { dir as directory, pax, symlink, tar } from '../support/tar-builder.ts';
import { writeLayout } from '../support/write-layout.ts';

const MEDIA_TYPE = 'application/vnd.oci.image.layer.v1.tar+gzip';

let registry: TestRegistry;
beforeAll(async () => {
  registry = await startRegistry({ images: [{ repository: 'fx', layout: fixtureLayout('gzip') }] });
});
afterAll(() => registry.close());

describe('an image', () => {
  it.each([
    ['entries=10', 'LIMIT_EXCEEDED'],
    ['file-size=1KiB', 'LIMIT_EXCEEDED'],
    ['total-size=64KiB', 'LIMIT_EXCEEDED'],
    ['path-length=5', 'LIMIT_EXCEEDED'],
    ['name-length=3', 'LIMIT_EXCEEDED'],
    ['depth=1', 'LIMIT_EXCEEDED'],
  ])('beyond %s ends with %s and leaves nothing', async (limit, code) => {
    using dir = scratch();
    const { status, stderr } = await runCli([
      `${registry.host}/fx:v1`,
      dir.in('rootfs'),
      '--cache-dir',
      dir.in('cache'),
      '--limit',
      limit,
    ]);
    expect({ status, stderr }).toEqual({ status: 1, stderr: expect.stringContaining(code) });
    expect(readdirSync(dir.path)).toEqual(['cache']);
  });

  it('that links make much longer as an archive ends with LIMIT_EXCEEDED and leaves nothing', async () => {
    using dir = scratch();
    const deep = [pax(['linkpath', Array(15).fill('n'.repeat(250)).join('/')]), symlink('l', '')];
    const layer = tar(...deep, ...Array.from({ length: 5000 }, (_, at) => directory(`l/${at}/`)));
    const image = { blob: gzipSync(layer), mediaType: MEDIA_TYPE, diffId: digestOf(layer) };
    writeLayout(dir.in('layout'), 'v1', [image]);
    const { status, stderr } = await runCli([
      `oci:${dir.in('layout')}:v1`,
      dir.in('out.tar'),
      ...['--format', 'tar', '--platform', 'linux/amd64'],
      ...['--cache-dir', dir.in('cache'), '--limit', 'total-size=8MiB'],
    ]);
    expect({ status, stderr }).toEqual({ status: 1, stderr: expect.stringContaining('LIMIT_EXCEEDED') });
    expect(stderr).toContain('bytes of the archive');
    expect(readdirSync(dir.path)).toEqual(['layout']);
  });

  it('within limits of its own is unpacked', async () => {
    using dir = scratch();
    const limits = ['--limit', 'total-size=1GiB', '--limit=entries=5000', '--limit', 'symlink-steps=40'];
    const cache = ['--cache-dir', dir.in('cache')];
    await pullJson([`${registry.host}/fx:v1`, dir.in('rootfs'), ...cache, ...limits]);
    expect(readdirSync(dir.path)).toContain('rootfs');
  });
});

it('an unknown limit is refused before anything is done', async () => {
  using dir = scratch();
  const before = registry.requests.length;
  const { status, stderr } = await runCli([`${registry.host}/fx:v1`, dir.in('rootfs'), '--limit', 'files=3']);
  expect({ status, stderr }).toEqual({ status: 2, stderr: expect.stringContaining('INPUT_INVALID') });
  expect(registry.requests).toHaveLength(before);
  expect(readdirSync(dir.path)).toEqual([]);
});
