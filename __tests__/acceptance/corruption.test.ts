// One wrong byte anywhere at the registry: the pull fails with the name of what is wrong, and leaves and keeps nothing.
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { runCli, scratch } from '../support/cli.ts';
import { fixtureImage, fixtureLayout } from '../support/fixture-image.ts';
import { startRegistry } from '../support/registry.ts';

const image = fixtureImage('v1', 'zstd-chunked');
const gzip = fixtureImage('v1', 'gzip');
const position = (name: string) =>
  Number((image.layer.annotations[`io.github.containers.zstd-chunked.${name}`] ?? '').split(':')[0]);

const cases = [
  {
    what: 'a chunk',
    format: 'zstd-chunked',
    digest: image.layer.digest,
    offset: 400_000,
    named: /chunk sha256:[0-9a-f]{64}/,
  },
  {
    what: 'the TOC',
    format: 'zstd-chunked',
    digest: image.layer.digest,
    offset: position('manifest-position') + 99,
    named: image.layer.digest,
  },
  {
    what: 'the tar-split',
    format: 'zstd-chunked',
    digest: image.layer.digest,
    offset: position('tarsplit-position') + 99,
    named: image.layer.digest,
  },
  {
    what: 'a gzip layer',
    format: 'gzip',
    digest: gzip.layer.digest,
    offset: 500_000,
    named: gzip.layer.digest,
  },
  { what: 'the config', format: 'gzip', digest: gzip.config.digest, offset: 100, named: gzip.config.digest },
] as const;

describe('one byte turned over at the registry', () => {
  it.each(cases)('in $what fails with its digest', async ({ format, digest, offset, named }) => {
    await using registry = await startRegistry({
      images: [{ repository: 'fx', layout: fixtureLayout(format) }],
      faults: [{ kind: 'corrupt', offset, on: digest }],
    });
    using dir = scratch();
    const { status, stderr } = await runCli([
      `${registry.host}/fx:v1`,
      dir.in('rootfs'),
      '--cache-dir',
      dir.in('cache'),
    ]);
    expect(status).toBe(1);
    expect(stderr).toContain('DIGEST_MISMATCH');
    expect(stderr).toMatch(named);
    expect(nothingLeft(dir.path)).toEqual({ destination: false, packs: [], staging: [] });
  });

  it('in the manifest fails with its digest when pulled by digest', async () => {
    await using registry = await startRegistry({
      images: [{ repository: 'fx', layout: fixtureLayout('gzip') }],
      faults: [{ kind: 'corrupt', offset: 40, on: `/manifests/${gzip.digest}` }],
    });
    using dir = scratch();
    const { status, stderr } = await runCli([
      `${registry.host}/fx@${gzip.digest}`,
      dir.in('rootfs'),
      '--cache-dir',
      dir.in('cache'),
    ]);
    expect(status).toBe(1);
    expect(stderr).toContain('DIGEST_MISMATCH');
    expect(stderr).toContain(gzip.digest);
  });

  it('that happens only once is repaired by fetching again', async () => {
    await using registry = await startRegistry({
      images: [{ repository: 'fx', layout: fixtureLayout('zstd-chunked') }],
      faults: [{ kind: 'corrupt', offset: 400_000, on: image.layer.digest, after: 1, times: 1 }],
    });
    using dir = scratch();
    const { status, stdout } = await runCli([
      `${registry.host}/fx:v1`,
      dir.in('rootfs'),
      '--cache-dir',
      dir.in('cache'),
      '--json',
    ]);
    expect(status).toBe(0);
    const result = JSON.parse(stdout);
    expect(result.warnings.join()).toContain('arrived damaged and is fetched again');
    expect(result.layers.map(({ way }: { way: string }) => way)).toEqual(['ranges', 'ranges']);
    expect(result['bytes-downloaded']).toBeLessThan(1.2 * result['bytes-total']);
  });
});

function nothingLeft(directory: string) {
  const list = (path: string) => (existsSync(path) ? readdirSync(path) : []);
  return {
    destination: readdirSync(directory).some((name) => name.includes('rootfs')),
    packs: list(join(directory, 'cache/v1/packs')),
    staging: list(join(directory, 'cache/v1/staging')),
  };
}
