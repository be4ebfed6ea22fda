// oci-pull inspect and oci-pull diff as processes, against a registry.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { scratch } from '../support/cli.ts';
import { type FixtureFormat, fixtureLayout } from '../support/fixture-image.ts';
import { runProgram } from '../support/program.ts';
import { startRegistry, type TestRegistry } from '../support/registry.ts';
import { expectedTree } from '../support/tree.ts';

const FORMATS = ['zstd-chunked', 'zstd-chunked-legacy', 'estargz', 'gzip', 'zstd', 'none'] as const;
let registry: TestRegistry;
beforeAll(async () => {
  const images = FORMATS.map((format) => ({ repository: format, layout: fixtureLayout(format) }));
  registry = await startRegistry({ images });
});
afterAll(() => registry.close());

const named = (format: FixtureFormat, tag: string) => `${registry.host}/${format}:${tag}`;
const AMD64 = '--platform=linux/amd64';

async function run(...args: string[]) {
  using dir = scratch();
  const from = registry.requests.length;
  const { status, stdout, stderr } = await runProgram(args, { home: dir.path });
  const requests = registry.requests.slice(from);
  const sent = requests
    .filter(({ path }) => path.includes('/blobs/'))
    .reduce((sum, { sent }) => sum + sent, 0);
  return { status, stderr, json: status === 0 ? JSON.parse(stdout) : undefined, requests, sent };
}

describe('inspect', () => {
  it('tells layers, formats and numbers of chunks from manifest and tables of contents alone', async () => {
    const { json, sent } = await run('inspect', named('zstd-chunked', 'v1'), AMD64);
    expect(json).toMatchObject({
      platform: 'linux/amd64',
      layers: [{ format: 'zstd:chunked' }, { format: 'zstd:chunked', chunks: 11 }],
      from: null,
      'update-bytes': null,
    });
    expect(json.layers[0].chunks).toBeGreaterThan(400);
    expect(sent).toBeLessThan(json['bytes-total'] / 5);
  });

  it('knows layers that have no parts', async () => {
    const { json, sent } = await run('inspect', named('gzip', 'v1'), AMD64);
    expect(json.layers).toMatchObject([
      { format: 'gzip', chunks: null },
      { format: 'gzip', chunks: null },
    ]);
    expect(sent).toBeLessThan(4096);
  });

  it.each(['zstd-chunked', 'gzip'] as const)(
    'tells what an update of %s costs: what a pull then downloads',
    async (format) => {
      using dir = scratch();
      const { json } = await run('inspect', named(format, 'v2'), '--from=v1', AMD64);
      const pull = (tag: string) => {
        const places = [dir.in(tag), '--cache-dir', dir.in('cache')];
        return runProgram([named(format, tag), ...places, AMD64], { home: dir.path });
      };
      await pull('v1');
      const { result } = await pull('v2');
      const real = result?.['bytes-downloaded'] ?? 0;
      expect(json['update-bytes'] / real).toBeGreaterThan(0.9);
      expect(json['update-bytes'] / real).toBeLessThan(1.1);
    },
  );

  it('takes a whole name for what the update starts from, and asks for that', async () => {
    const [v1, v2] = [named('zstd-chunked', 'v1'), named('zstd-chunked', 'v2')];
    const { json } = await run('inspect', v2, `--from=${v1}`, AMD64);
    const { json: byTag } = await run('inspect', v2, '--from=v1', AMD64);
    expect(json).toEqual(byTag);
    const { json: foreign } = await run('inspect', v2, `--from=${named('gzip', 'v1')}`, AMD64);
    expect(foreign.from).toContain('/gzip@');
    expect(foreign['update-bytes']).toBeGreaterThan(json['update-bytes']);
  });

  it('says that an update from itself costs nothing', async () => {
    const { json } = await run('inspect', named('zstd-chunked', 'v1'), '--from=v1', AMD64);
    expect(json['update-bytes']).toBe(0);
  });
});

describe('a user name and a password', () => {
  it.each([
    ['inspect', (other: string) => ['inspect', named('gzip', 'v2'), `--from=${other}`]],
    ['diff', (other: string) => ['diff', named('gzip', 'v1'), other]],
  ])('are not sent by %s where the images are of two registries', async (_, argumentsFor) => {
    using dir = scratch();
    await using other = await startRegistry({
      images: [{ repository: 'gzip', layout: fixtureLayout('gzip') }],
    });
    const args = [...argumentsFor(`${other.host}/gzip:v1`), AMD64, '--username=me', '--password-stdin'];
    const { status, stderr } = await runProgram(args, { home: dir.path, password: 'secret' });
    expect(stderr).toContain('for one registry, and the images are not of the same');
    expect([status, other.requests.length]).toEqual([1, 0]);
  });
});

/** Of the tree that the tag must give, by path; without times. */
function recordsOf(tag: string): ReadonlyMap<string, string> {
  return new Map(
    expectedTree(tag).map(({ mtime: _, hard: __, ...record }) => [record.path, JSON.stringify(record)]),
  );
}

describe('diff', () => {
  it.each(FORMATS.slice(1))('finds nothing between zstd:chunked and %s of the same image', async (format) => {
    const { json } = await run('diff', named('zstd-chunked', 'v2'), named(format, 'v2'), AMD64);
    expect(json.differences).toEqual([]);
  });

  it.each(['zstd-chunked', 'gzip', 'estargz'] as const)(
    'finds in %s what two trees differ in',
    async (format) => {
      const { json } = await run('diff', named(format, 'v1'), named(format, 'v2'), AMD64);
      const [before, after] = [recordsOf('v1'), recordsOf('v2')];
      const paths = [...new Set([...before.keys(), ...after.keys()])];
      const differing = paths.filter((path) => before.get(path) !== after.get(path));
      const found = json.differences.map(({ path }: { path: string }) => path.slice(1));
      expect(found.sort()).toEqual(differing.sort());
      expect(differing.length).toBeGreaterThan(15);
    },
  );

  it('fetches tables of contents alone where there are some', async () => {
    const { json, sent } = await run('diff', named('zstd-chunked', 'v1'), named('zstd-chunked', 'v2'), AMD64);
    expect(sent).toBeLessThan(json['bytes-total'] / 2);
  });
});

describe('both', () => {
  it.each([
    [['inspect'], 2, 'expected one image'],
    [['diff', 'a'], 2, 'expected two images'],
    [['inspect', 'a', '--cache-dir=x'], 2, 'cache-dir'],
    [['inspect', 'a/UPPER'], 2, 'REFERENCE_INVALID'],
  ])('refuse %j', async (args, status, message) => {
    const outcome = await run(...args);
    expect(outcome.status).toBe(status);
    expect(outcome.stderr).toContain(message);
  });

  it('tell of an image that is not there', async () => {
    const outcome = await run('inspect', named('gzip', 'v9'));
    expect(outcome.status).toBe(1);
    expect(outcome.stderr).toContain('code: NOT_FOUND');
  });

  it('send no password to another registry', async () => {
    using dir = scratch();
    const args = ['diff', named('gzip', 'v1'), 'registry.test/other:v1', '--username=me'];
    const outcome = await runProgram(args, { home: dir.path, password: 'open-sesame-4711' });
    expect(outcome.stderr).toContain('code: INPUT_INVALID');
    expect(outcome.stdout + outcome.stderr).not.toContain('open-sesame');
  });
});
