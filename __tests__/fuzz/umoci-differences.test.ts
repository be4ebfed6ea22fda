// Each named difference to umoci is one: a table that excuses what does not happen would hide what does.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { listTree } from '../support/tree.ts';
import { tarsOf } from './encode.ts';
import type { Encoding, LayerEntry } from './entry.ts';
import { comparable, expectedRecords } from './expected.ts';
import { Model } from './model.ts';
import type { TimeLoss, Trait } from './traits.ts';
import { hasUmoci, unpackWithUmoci } from './umoci.ts';
import {
  AVOIDED_ENCODINGS,
  AVOIDED_TRAITS,
  LOST_TIMES,
  RENEWED,
  refuseDangerous,
} from './umoci-differences.ts';

const PLAIN: Encoding = {
  format: 'ustar',
  fileType: '0',
  sparse: undefined,
  typeBits: false,
  claimedSize: 0,
  signedChecksum: false,
  decoys: false,
  global: false,
};

type Rest = Partial<Omit<LayerEntry, 'encoding'>> & { readonly encoding?: Partial<Encoding> };

function entry(kind: LayerEntry['kind'], name: string, { encoding, ...rest }: Rest = {}): LayerEntry {
  return {
    kind,
    name,
    link: '',
    mode: kind === 'directory' ? 0o755 : 0o644,
    uid: 0,
    gid: 0,
    mtimeNs: 1_000_000_000n,
    size: 0,
    regions: [],
    device: [0, 0],
    xattrs: [],
    encoding: { ...PLAIN, ...encoding },
    ...rest,
  };
}

type Layers = readonly (readonly LayerEntry[])[];
const file = (name: string, rest?: Rest) => entry('file', name, rest);
const dir = (name: string, rest?: Rest) => entry('directory', name, rest);

const TRAITS: Readonly<Partial<Record<Trait, Layers>>> = {
  'empty name': [[dir('')]],
  'leaves the root': [[file('../x')]],
  'parent is no directory': [[file('a'), file('a/b')]],
  'parent made below a set-group-id directory': [[dir('a', { mode: 0o2755, gid: 5 }), file('a/b/c')]],
  'hard link to itself': [[file('a'), entry('hardlink', 'a', { link: 'a' })]],
  'aufs metadata': [[file('.wh.a/b')], [file('.wh..wh.a')]],
  'whiteout of a name that cannot be': [[file(`.wh.${'x'.repeat(256)}`)]],
  'attribute of another kind': [[file('a', { xattrs: [['trusted.t', Buffer.from('x')]] })]],
  'attribute on what takes none': [
    [entry('symlink', 'a', { link: 'b', xattrs: [['user.a', Buffer.from('x')]] })],
  ],
};
/** Never run: see refuseDangerous. */
const UNTRIED: Trait = 'whiteout of nothing';

const ENCODINGS: Readonly<Record<string, Layers>> = {
  'global header': [[file('a', { encoding: { global: true } })]],
  'contiguous file': [[file('a', { encoding: { fileType: '7' } })]],
  'old sparse type': [
    [file('a', { size: 9, regions: [{ offset: 8, bytes: Buffer.from('x') }], encoding: { sparse: 'old' } })],
  ],
};

const TIMES: Readonly<Record<TimeLoss, Layers>> = {
  'parent made in it': [[dir('a'), file('a/b/c')]],
  'whiteout below it': [
    [dir('a'), dir('a/b'), file('a/b/c')],
    [dir('a/b'), file('a/b/d'), file('a/.wh..wh..opq')],
  ],
};

const KEPT: Layers = [[dir('a', { mode: 0o700 })], [file('a/b'), file('.wh.a')]];

function apply(layers: Layers): { model: Model; traits: Trait[] } {
  const model = new Model();
  const traits: Trait[] = [];
  for (const entries of layers) {
    model.beginLayer();
    for (const each of entries) {
      const { failure, oddities } = model.apply(each);
      traits.push(...oddities, ...(failure ? [failure] : []));
    }
  }
  return { model, traits };
}

describe('the table of differences', () => {
  it('has a sample for all of them, and the model finds the trait in it', () => {
    const sampled = Object.entries(TRAITS).filter(([trait, layers]) =>
      apply(layers).traits.includes(trait as Trait),
    );
    expect([...sampled.map(([trait]) => trait), UNTRIED].sort()).toEqual(Object.keys(AVOIDED_TRAITS).sort());
    expect(Object.keys(ENCODINGS).sort()).toEqual(AVOIDED_ENCODINGS.map(({ name }) => name).sort());
    expect(Object.keys(TIMES).sort()).toEqual(Object.keys(LOST_TIMES).sort());
    expect(apply(KEPT).model.renewed.size, RENEWED.reason).toBe(1);
  });

  it.each(['.wh.', 'a/.wh..', '.wh...', './/.wh.../', 'x/../.wh.../.', 'a/.wh.../b/..'])(
    'keeps %s from umoci',
    (name) => {
      expect(() => refuseDangerous({ layers: [[file(name)]], endings: [] })).toThrow(name);
      expect(apply([[file(name)]]).traits).toEqual([UNTRIED]);
    },
  );
});

describe.skipIf(!hasUmoci)('umoci (needs umoci 0.4.7 and root)', () => {
  let place: string;
  beforeAll(() => {
    place = mkdtempSync(join(tmpdir(), 'fuzz-umoci-'));
  });
  afterAll(() => rmSync(place, { recursive: true, force: true }));

  /** Whether umoci makes exactly the model's tree, which may be none. */
  function agrees(layers: Layers): boolean {
    const { model, traits } = apply(layers);
    const stack = { layers, endings: [] };
    const outcome = unpackWithUmoci(join(place, 'it'), stack, tarsOf(stack));
    const hasFailed = traits.some((trait) => trait === 'empty name' || trait === 'leaves the root');
    if ('complaint' in outcome || hasFailed) return 'complaint' in outcome && hasFailed;
    const expected = expectedRecords(model, 'preserve');
    const actual = comparable(listTree(outcome.root, { exact: true }), expected, false);
    return JSON.stringify(actual, withBigInt) === JSON.stringify(expected, withBigInt);
  }

  it('agrees about what nobody disagrees about', () => {
    expect(
      agrees([
        [dir('a'), file('a/b')],
        [file('a/.wh.b'), entry('symlink', 'c', { link: 'a' })],
      ]),
    ).toBe(true);
  });

  it.each(Object.entries({ ...TRAITS, ...ENCODINGS, ...TIMES, 'kept directory': KEPT }))(
    'differs about: %s',
    (_, layers) => {
      expect(agrees(layers)).toBe(false);
    },
  );
});

function withBigInt(_: string, value: unknown): unknown {
  if (typeof value === 'bigint') return String(value);
  const isRecord = typeof value === 'object' && value !== null && !Array.isArray(value);
  return isRecord ? Object.fromEntries(Object.entries(value).sort()) : value;
}
