// One wrong byte anywhere at the registry: the pull fails with the name of what is wrong, and leaves and keeps nothing.
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { type CliJson, runCli, scratch } from '../support/cli.ts';
import { type FixtureFormat, fixtureImage, fixtureLayout } from '../support/fixture-image.ts';
import { type LayerPlaces, layerPlaces } from '../support/layer-places.ts';
import { startRegistry } from '../support/registry.ts';
import type { Fault } from '../support/registry-faults.ts';
import { seedFrame } from '../support/seed-frame.ts';
import { expectedTree, isRoot, listTree } from '../support/tree.ts';
import { wrongEntries } from '../support/verify-packs.ts';

const image = fixtureImage('v1', 'zstd-chunked');
const gzip = fixtureImage('v1', 'gzip');
const places = layerPlaces(image.layer, image.bytes(image.layer));
const chunk = /chunk sha256:[0-9a-f]{64}/;

interface Case {
  readonly what: string;
  readonly format: FixtureFormat;
  readonly digest: string;
  readonly offset: number;
  readonly named: string | RegExp;
  /** The store holds a chunk, so that a chunked layer is taken apart. */
  readonly isSeeded?: boolean;
}

function layerCase(what: string, place: keyof LayerPlaces, more: Partial<Case> = {}): Case {
  const { digest } = image.layer;
  return { what, format: 'zstd-chunked', digest, offset: places[place], named: digest, ...more };
}

const cases: readonly Case[] = [
  layerCase('a chunk of a whole layer', 'chunk'),
  layerCase('a gap between chunks of a whole layer', 'gap'),
  layerCase('the TOC of a whole layer', 'toc'),
  layerCase('the tar-split of a whole layer', 'tarSplit'),
  layerCase('a chunk', 'chunk', { isSeeded: true, named: chunk }),
  layerCase('the TOC', 'toc', { isSeeded: true }),
  layerCase('the tar-split', 'tarSplit', { isSeeded: true }),
  {
    what: 'a gzip layer',
    format: 'gzip',
    digest: gzip.layer.digest,
    offset: 500_000,
    named: gzip.layer.digest,
  },
  { what: 'the config', format: 'gzip', digest: gzip.config.digest, offset: 100, named: gzip.config.digest },
];

async function pullSpoilt(directory: string, { format, isSeeded }: Case, fault: Fault) {
  await using registry = await startRegistry({
    images: [{ repository: 'fx', layout: fixtureLayout(format) }],
    faults: [fault],
  });
  const cache = join(directory, 'cache');
  const seeds = isSeeded ? [`${await seedFrame(cache)}.pack`] : [];
  const args = [`${registry.host}/fx:v1`, join(directory, 'rootfs'), '--cache-dir', cache, '--json'];
  return { ...(await runCli(args)), seeds };
}

describe('one byte turned over at the registry', () => {
  it.each(cases)('in $what fails with its digest', async (each) => {
    const { digest, offset, named } = each;
    using dir = scratch();
    const { status, stderr, seeds } = await pullSpoilt(dir.path, each, {
      kind: 'corrupt',
      offset,
      on: digest,
    });
    expect(status).toBe(1);
    expect(stderr).toContain('DIGEST_MISMATCH');
    expect(stderr).toMatch(named);
    expect(nothingLeft(dir.path)).toEqual({ destination: false, packs: seeds, staging: [] });
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

  it('in a gap between chunks harms nobody who fetches chunks', async () => {
    using dir = scratch();
    const each = layerCase('', 'gap', { isSeeded: true });
    const fault = { kind: 'corrupt', offset: places.gap, on: image.layer.digest } as const;
    const { status, stdout } = await pullSpoilt(dir.path, each, fault);
    expect({ status, warnings: JSON.parse(stdout).warnings }).toEqual({ status: 0, warnings: [] });
    if (isRoot()) expect(listTree(dir.in('rootfs'))).toEqual(expectedTree('v1'));
  });
});

const again = 'arrived damaged and is fetched again';
interface OnceCase extends Case {
  readonly ways: readonly string[];
  readonly warning: string | RegExp;
  /** Requests for the layer that are not spoilt. */
  readonly after?: number;
  /** Of the image's bytes: less than this is downloaded. */
  readonly share?: number;
}

const once: readonly OnceCase[] = [
  ...(['chunk', 'gap', 'toc', 'tarSplit'] as const).map((place) => ({
    ...layerCase(`the ${place} of a whole layer`, place),
    ways: ['whole', 'whole'],
    warning: `layer ${image.layer.digest} ${again}`,
    share: 2,
  })),
  // The first request is for TOC and tar-split.
  {
    ...layerCase('a chunk', 'chunk', { isSeeded: true }),
    ways: ['ranges', 'ranges'],
    warning: new RegExp(`${chunk.source}.* ${again}`),
    after: 1,
  },
  {
    ...layerCase('the TOC', 'toc', { isSeeded: true }),
    ways: ['whole', 'ranges'],
    warning: /^$/,
  },
];

describe('one byte turned over on the way, once,', () => {
  it.each(once)('in $what is repaired by fetching again', async (each) => {
    const { digest, offset, after = 0, ways, warning, share = 1.2 } = each;
    using dir = scratch();
    const fault = { kind: 'corrupt', offset, on: digest, after, times: 1 } as const;
    const { status, stdout } = await pullSpoilt(dir.path, each, fault);
    expect(status).toBe(0);
    const result = JSON.parse(stdout) as CliJson;
    expect(result.warnings.join()).toMatch(warning);
    expect(result.layers.map(({ way }) => way)).toEqual(ways);
    expect(result['bytes-downloaded']).toBeLessThan(share * result['bytes-total']);
    if (isRoot()) expect(listTree(dir.in('rootfs'))).toEqual(expectedTree('v1'));
    expect(await wrongEntries(dir.in('cache'))).toEqual([]);
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
