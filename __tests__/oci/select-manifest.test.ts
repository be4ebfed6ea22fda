import { describe, expect, it } from 'vitest';
import { type Descriptor, parseDescriptor } from '../../src/oci/descriptor.ts';
import { OCI_INDEX, OCI_MANIFEST } from '../../src/oci/media-type.ts';
import { parsePlatform } from '../../src/oci/platform.ts';
import { selectManifest } from '../../src/oci/select-manifest.ts';
import { descriptorJson, sampleDigest } from '../support/descriptors.ts';
import { thrown } from '../support/pull-error.ts';

/** The platform as an index would write it, without any normalisation. */
function platformJson(text: string) {
  const [, os, version, architecture, variant] = /^(\w+)(?:\((.*)\))?\/([^/]+)(?:\/(.+))?$/.exec(text) ?? [];
  return { os, architecture, variant, 'os.version': version };
}

function entry(platform: string | undefined, more: Readonly<Record<string, unknown>> = {}): Descriptor {
  const own = platform === undefined ? {} : { platform: platformJson(platform) };
  return parseDescriptor(descriptorJson(OCI_MANIFEST, { ...own, ...more }), 'entry');
}

const select = (entries: readonly Descriptor[], wanted: string) =>
  selectManifest(entries, parsePlatform(wanted));

const ZSTD = { annotations: { 'io.github.containers.compression.zstd': 'true' } };
const ATTESTATION = { annotations: { 'vnd.docker.reference.type': 'attestation-manifest' } };

// The comparisons of containerd's platforms package, except that no other architecture is ever fallen back on.
const OTHERS = ['windows/amd64', 'windows/arm', 'linux/s390x'];
const ARM = ['linux/arm', 'linux/arm/v5', 'linux/arm/v6', 'linux/arm/v7', 'linux/arm/v8'];
const COMPARISONS: readonly [wanted: string, matches: readonly string[], differs: readonly string[]][] = [
  ['linux/amd64', ['linux/amd64', 'linux/amd64/v1', 'linux/x86_64'], ['linux/386', 'linux/amd64/v2', ...ARM]],
  [
    'linux/amd64/v2',
    ['linux/amd64/v2', 'linux/amd64', 'linux/amd64/v1'],
    ['linux/386', 'linux/amd64/v3', 'linux/amd64/v4', 'linux/arm64'],
  ],
  ['linux/386', ['linux/386', 'linux/i386'], ['linux/amd64', 'linux/arm64', ...ARM]],
  ['linux/arm/v8', ARM, ['linux/arm/v4', 'linux/arm64', 'linux/amd64']],
  ['linux/arm/v7', ARM.slice(0, 4), ['linux/arm/v4', 'linux/arm/v8', 'linux/arm64']],
  ['linux/arm', ARM.slice(0, 4), ['linux/arm/v4', 'linux/arm/v8', 'linux/arm64']],
  ['linux/arm/v6', ['linux/arm/v6', 'linux/arm/v5'], ['linux/arm', 'linux/arm/v4', 'linux/arm/v7']],
  ['linux/arm/v5', ['linux/arm/v5'], ['linux/arm', 'linux/arm/v4', 'linux/arm/v6']],
  ['linux/arm/v4', ['linux/arm/v4'], ARM],
  [
    'linux/arm64',
    ['linux/arm64', 'linux/arm64/v8', 'linux/aarch64'],
    ['linux/arm64/v8.1', 'linux/arm64/v9', ...ARM],
  ],
  [
    'linux/arm64/v8.1',
    ['linux/arm64/v8.1', 'linux/arm64', 'linux/arm64/v8'],
    ['linux/arm64/v8.2', 'linux/arm64/v9', ...ARM],
  ],
  [
    'linux/arm64/v9',
    ['', '/v8', '/v8.1', '/v8.2', '/v8.3', '/v8.4', '/v8.5', '/v9', '/v9.0'].map((v) => `linux/arm64${v}`),
    ['linux/arm64/v8.6', 'linux/arm64/v9.1', ...ARM],
  ],
  ['linux/riscv64', ['linux/riscv64'], ['linux/riscv64/rva20u64']],
  ['linux/riscv64/rva20u64', ['linux/riscv64/rva20u64', 'linux/riscv64'], ['linux/riscv64/rva22u64']],
  [
    'windows(10.0.17763.2114)/amd64',
    ['windows/amd64', 'windows(10.0.17763)/amd64', 'windows(10.0.17763.1)/amd64'],
    ['windows(10.0.14393)/amd64', 'windows(10.0.177630)/amd64', 'linux/amd64'],
  ],
];

describe('which platforms serve', () => {
  const rows = COMPARISONS.flatMap(([wanted, matches, differs]) => [
    ...matches.map((offered) => ({ wanted, offered, serves: true })),
    ...[...differs, ...OTHERS]
      .filter((offered) => !matches.includes(offered))
      .map((offered) => ({ wanted, offered, serves: false })),
  ]);

  it.each(rows.filter((row) => row.serves))('takes $offered for $wanted', ({ wanted, offered }) => {
    const only = entry(offered);
    expect(select([only], wanted)).toBe(only);
  });

  it.each(rows.filter((row) => !row.serves))('refuses $offered for $wanted', ({ wanted, offered }) => {
    thrown('PLATFORM_NOT_FOUND', () => select([entry(offered)], wanted));
  });
});

describe('which of several entries is taken', () => {
  it.each([
    ['linux/amd64/v3', ['linux/amd64/v3', 'linux/amd64/v2', 'linux/amd64']],
    ['linux/arm/v8', ['linux/arm/v8', 'linux/arm/v7', 'linux/arm/v6', 'linux/arm/v5']],
    ['linux/arm64/v8.2', ['linux/arm64/v8.2', 'linux/arm64/v8.1', 'linux/arm64/v8']],
    [
      'linux/arm64/v9.1',
      ['v9.1', 'v9', 'v8.6', 'v8.5', 'v8.4', 'v8.3', 'v8.2', 'v8.1', 'v8'].map((v) => `linux/arm64/${v}`),
    ],
    ['linux/arm64/v9.7', ['linux/arm64/v9.7', 'linux/arm64/v9', 'linux/arm64/v8.9', 'linux/arm64/v8']],
  ])('takes the nearest variant for %s', (wanted, bestFirst) => {
    const entries = bestFirst.map((platform) => entry(platform));
    for (let skip = 0; skip < entries.length; skip++)
      expect(select(entries.slice(skip).reverse(), wanted)).toBe(entries[skip]);
  });

  it('takes the first of equals', () => {
    const entries = [1, 2].map((seed) => entry('linux/amd64', { digest: sampleDigest(seed) }));
    expect(select(entries, 'linux/amd64')).toBe(entries[0]);
  });

  it('takes a zstd twin before the first, but no zstd entry of a lesser variant', () => {
    const gzip = entry('linux/amd64');
    const zstd = entry('linux/amd64', ZSTD);
    expect(select([gzip, zstd], 'linux/amd64')).toBe(zstd);
    const better = entry('linux/amd64/v2');
    expect(select([zstd, better], 'linux/amd64/v2')).toBe(better);
  });

  it('takes a nested index for the platform', () => {
    const nested = entry('linux/amd64', { mediaType: OCI_INDEX });
    expect(select([entry('linux/arm64'), nested], 'linux/amd64')).toBe(nested);
  });

  it('refuses an image that needs features nobody asked for', () => {
    const platform = { os: 'linux', architecture: 'amd64', 'os.features': ['erofs'] };
    thrown('PLATFORM_NOT_FOUND', () => select([entry(undefined, { platform })], 'linux/amd64'));
  });
});

describe('attestations', () => {
  it.each([
    ['unknown/unknown', ATTESTATION],
    ['unknown/unknown', {}],
    ['linux/amd64', ATTESTATION],
    [undefined, ATTESTATION],
  ])('are never taken (%s %j)', (platform, more) => {
    thrown('PLATFORM_NOT_FOUND', () => select([entry(platform, more)], 'linux/amd64'));
  });

  it('do not hide the one image of an index', () => {
    const image = entry('linux/amd64');
    expect(select([entry('unknown/unknown', ATTESTATION), image], 'linux/amd64')).toBe(image);
  });
});

describe('entries without a platform', () => {
  it('are the last resort', () => {
    const bare = entry(undefined);
    expect(select([entry('linux/s390x'), bare], 'linux/amd64')).toBe(bare);
    const plain = entry('linux/amd64');
    expect(select([bare, plain], 'linux/amd64/v4')).toBe(plain);
  });

  it.each([undefined, 'unknown/unknown'])('may be nested indexes (%s)', (platform) => {
    const nested = entry(platform, { mediaType: OCI_INDEX });
    expect(select([nested], 'linux/amd64')).toBe(nested);
  });

  it.each([
    { mediaType: 'application/vnd.oci.image.layer.v1.tar' },
    { artifactType: 'application/vnd.example+type' },
  ])('are passed over if they are no images (%j)', (more) => {
    thrown('PLATFORM_NOT_FOUND', () => select([entry(undefined, more)], 'linux/amd64'));
  });
});

describe('the error', () => {
  it('lists each platform there is once and leaves out attestations', () => {
    const entries = ['linux/arm64/v8', 'linux/aarch64', 'windows(10.0.1)/amd64', 'unknown/unknown'];
    const error = thrown('PLATFORM_NOT_FOUND', () =>
      select(
        entries.map((platform) => entry(platform)),
        'linux/amd64',
      ),
    );
    expect(error.message).toContain('linux/amd64, only for linux/arm64, windows(10.0.1)/amd64');
    expect(error.message).not.toContain('unknown');
  });

  it('says of an empty index that it is empty', () => {
    const empty = thrown('PLATFORM_NOT_FOUND', () => select([], 'linux/amd64'));
    const full = thrown('PLATFORM_NOT_FOUND', () => select([entry('linux/s390x')], 'linux/amd64'));
    expect(empty.hint).not.toBe(full.hint);
  });

  it('stays short whatever the index holds', () => {
    const entries = Array.from({ length: 1000 }, (_, n) => entry(`linux/${'x'.repeat(1000)}${n}`));
    const error = thrown('PLATFORM_NOT_FOUND', () => select(entries, 'linux/amd64'));
    expect(error.message.length).toBeLessThan(3000);
  });
});
