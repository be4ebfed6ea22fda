// The whole corpus, flattened: GNU tar makes the tree of the expectation of it, and what the unpacker refuses is refused here.
import { mkdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { PullError } from '../../src/errors.ts';
import { createTarExporter } from '../../src/export/flat-tar.ts';
import { digestOf } from '../../src/integrity/hash.ts';
import { DEFAULT_LIMITS, type UnpackLimits } from '../../src/unpack/limits.ts';
import type { SkipReport } from '../../src/unpack/skips.ts';
import { type CorpusCase, canRunHere, inRoom } from '../corpus/case.ts';
import { expectedRecords } from '../corpus/expected.ts';
import { CORPUS } from '../corpus/index.ts';
import { run, skipWithout } from '../support/peers.ts';
import { thrown } from '../support/pull-error.ts';
import { deepFiles, dir, file, hardlink, pax, paxSparse, symlink, tar } from '../support/tar-builder.ts';
import { temporaryDirectories } from '../support/temporary.ts';
import { canListXattrs, isRoot, listTree } from '../support/tree.ts';

const newDirectory = temporaryDirectories();

interface Flattened {
  readonly path: string;
  readonly skipped: SkipReport;
}

/** As the export job does it: every layer twice. `slice`: bytes at a time. */
function flatten(
  layers: readonly Buffer[],
  { limits = {}, slice = 1 << 16 }: { limits?: Partial<UnpackLimits>; slice?: number } = {},
): Flattened {
  const path = join(newDirectory(), 'out.tar');
  const bytes = new Uint8Array();
  const document = { bytes, digest: digestOf(bytes), mediaType: '' };
  const output = {
    format: 'tar',
    manifest: document,
    config: document,
    tag: undefined,
    repoTags: [],
  } as const;
  const names = layers.map(() => ({ diffId: document.digest, digest: document.digest }));
  const exporter = createTarExporter({
    path,
    output,
    layers: names,
    limits: { ...DEFAULT_LIMITS, ...limits },
  });
  try {
    for (let stream = 0; stream < 2 * layers.length; stream++) {
      const layer = layers[stream % layers.length] as Buffer;
      exporter.beginLayer(stream % layers.length, {});
      for (let at = 0; at < layer.length; at += slice) exporter.write(layer.subarray(at, at + slice));
      exporter.endLayer();
    }
    return { path, skipped: exporter.finish().skipped };
  } finally {
    exporter.abort();
  }
}

function extract(path: string): string {
  const root = join(newDirectory(), 'root');
  mkdirSync(root);
  run('tar', '--xattrs', '--xattrs-include=*', '-xpf', path, '-C', root);
  return root;
}

const withoutXattrs = ({ xattrs, ...record }: { xattrs?: unknown }) => record;

function checkTree(corpusCase: CorpusCase & { code?: never }, path: string, outside: string): void {
  const all = expectedRecords(inRoom(corpusCase.tree, outside));
  const expected = canListXattrs ? all : all.map(withoutXattrs);
  const free = new Set(all.filter(({ mtimeNs }) => mtimeNs === undefined).map((record) => record.path));
  const listed = listTree(extract(path), { exact: true }).map(({ mtimeNs, ...record }) =>
    free.has(record.path) ? record : { ...record, mtimeNs: roughly(mtimeNs) },
  );
  const wanted = expected.map((record) =>
    'mtimeNs' in record ? { ...record, mtimeNs: roughly(record.mtimeNs) } : record,
  );
  const byPath = (a: { path?: string }, b: { path?: string }) => (String(a.path) < String(b.path) ? -1 : 1);
  expect(listed.sort(byPath)).toEqual(wanted.sort(byPath));
}

/** To 2 µs: the expectation is of a file system whose times come from doubles. */
const roughly = (ns: unknown) => (ns === undefined ? undefined : Math.round(Number(ns) / 2000));

describe.skipIf(!isRoot() ? 'owners need root' : skipWithout('tar'))('a flattened tar', () => {
  const themes = CORPUS.map(({ theme, cases }) => ({
    theme,
    good: cases.filter((each) => !('code' in each)),
  }));
  describe.each(themes.filter(({ good }) => good.length > 0))('of $theme', ({ good }) => {
    for (const corpusCase of good)
      it.skipIf(!canRunHere(corpusCase))(corpusCase.name, () => {
        const outside = '/nonexistent/outside';
        const { path, skipped } = flatten(inRoom(corpusCase.layers, outside), {
          limits: corpusCase.limits ?? {},
        });
        if ('code' in corpusCase) return;
        expect(skipped.named.map(({ kind, path: name }) => `${kind} /${name}`).sort()).toEqual(
          [...(corpusCase.skipped ?? [])].sort(),
        );
        checkTree(corpusCase as CorpusCase & { code?: never }, path, outside);
      });
  });
});

describe('what cannot be flattened', () => {
  const refused = CORPUS.flatMap(({ cases }) => cases).filter((each) => 'code' in each);

  it.each(refused.map((each) => [each.name, each] as const))('%s', (_, corpusCase) => {
    let error: unknown;
    try {
      flatten(inRoom(corpusCase.layers, '/nonexistent'), { limits: corpusCase.limits ?? {} });
    } catch (caught) {
      error = caught;
    }
    expect(error).toBeInstanceOf(PullError);
    expect(error).toMatchObject({ code: 'code' in corpusCase ? corpusCase.code : '' });
  });
});

describe('a flattened tar', () => {
  const bytesOf = (...layers: Buffer[]) => readFileSync(flatten(layers).path);

  it('does not depend on how the bytes of the layers come', () => {
    const layers = [tar(dir('a/'), file('a/x', 'one')), tar(file('a/y', 'two'), hardlink('a/z', 'a/y'))];
    const once = readFileSync(flatten(layers).path);
    expect(readFileSync(flatten(layers, { slice: 100 }).path)).toEqual(once);
  });

  it('does not depend on what lower layers had', () => {
    const upper = tar(dir('a/'), file('a/x', 'new'));
    expect(
      bytesOf(
        tar(file('gone', 'x'), file('a/x', 'old')),
        tar(file('.wh.gone'), ...[upper.subarray(0, -1024)]),
      ),
    ).toEqual(bytesOf(upper));
  });

  it('keeps times to the nanosecond', () => {
    const time = '1700000000.123456789';
    const layer = tar(pax(['mtime', time]), file('x', ''), pax(['mtime', time]), dir('d/'));
    const root = extract(flatten([layer]).path);
    const times = listTree(root, { exact: true, noXattrs: true }).map(({ path, mtimeNs }) => [path, mtimeNs]);
    expect(Object.fromEntries(times)).toMatchObject({ x: 1700000000123456789n, d: 1700000000123456789n });
  });

  it('stores holes as such', () => {
    const size = 2 ** 33;
    const layer = tar(paxSparse('1.0', 'big', { size, regions: [[2 ** 32, 'middle']] }));
    const { path } = flatten([layer]);
    expect(readFileSync(path).length).toBeLessThan(10_000);
    const root = extract(path);
    const size2 = run('stat', '--format', '%s %b', join(root, 'big')).trim().split(' ').map(Number);
    expect(size2[0]).toBe(size);
    expect(size2[1]).toBeLessThan(100);
  });

  it('holds no more bytes of paths than is sound', () => {
    expect(thrown('LIMIT_EXCEEDED', () => flatten([deepFiles(70_000)])).message).toContain('paths');
  }, 60_000);

  it('counts for the size of all, whatever links make of the layers', () => {
    const deep = Array(15).fill('n'.repeat(250)).join('/');
    const link = Buffer.concat([pax(['linkpath', deep]), symlink('l', '')]);
    const dirs = Array.from({ length: 1000 }, (_, at) => dir(`l/${at}/`));
    const links = Array.from({ length: 1000 }, (_, at) => hardlink(`x${at}`, 'l/f'));
    for (const entries of [dirs, [file('l/f'), ...links]]) {
      const layer = tar(link, ...entries);
      const [enough, less] = [{ totalSize: 16 * layer.length }, { totalSize: 4 * layer.length }];
      const size = statSync(flatten([layer], { limits: enough }).path).size;
      expect(size).toBeGreaterThan(less.totalSize);
      const { message } = thrown('LIMIT_EXCEEDED', () => flatten([layer], { limits: less }));
      expect(message).toContain('the archive');
      expect(statSync(flatten([layer], { limits: { totalSize: size } }).path).size).toBe(size);
      thrown('LIMIT_EXCEEDED', () => flatten([layer], { limits: { totalSize: size - 1 } }));
    }
  });

  it.each<[what: string, entries: (count: number) => Buffer[]]>([
    ['directories', (count) => Array.from({ length: count }, (_, at) => dir(`l/${at}/`))],
    [
      'targets of hard links',
      (count) => [hardlink('x', 'l/f'), ...Array.from({ length: count }, (_, at) => hardlink(`x${at}`, 'x'))],
    ],
  ])(
    'has no more bytes of paths of %s than is sound',
    (_, entries) => {
      const deep = Array(15).fill('0'.repeat(255)).join('/');
      const link = Buffer.concat([pax(['linkpath', deep]), symlink('l', '')]);
      const layer = tar(link, file('l/f'), ...entries(70_000));
      expect(thrown('LIMIT_EXCEEDED', () => flatten([layer])).message).toContain('paths');
    },
    60_000,
  );

  it('of an image without layers has a root', () => {
    expect(readFileSync(flatten([]).path).length).toBe(512 + 1024);
  });
});
