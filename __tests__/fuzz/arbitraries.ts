// Arbitraries of layers, see wish.ts.
import fc from 'fast-check';
import type { Encoding, Ending, EntryKind } from './entry.ts';
import type { NameStyle, StackWish, Target, Wish } from './wish.ts';

const LONG = 'long-'.repeat(28);
const ODD_NAMES = [
  '\xc3\xa9',
  '\xe9',
  'n\nl',
  ' ',
  '.wh',
  '.opq',
  'a.wh.b',
  LONG,
  '__proto__',
  '...',
  '-f',
  '\\',
];
const component = fc.oneof(
  { weight: 12, arbitrary: fc.constantFrom('a', 'b', 'c') },
  { weight: 1, arbitrary: fc.constantFrom(...ODD_NAMES) },
);
const components = fc.oneof(
  { weight: 4, arbitrary: fc.tuple(component) },
  { weight: 1, arbitrary: fc.array(component, { minLength: 2, maxLength: 3 }) },
);
const at = fc.nat(1000);
const BAD_NAMES = [
  '',
  '..',
  '../x',
  'a/../../x',
  '/..',
  'x'.repeat(256),
  '.wh.',
  'a/.wh..',
  '.wh...',
  'b/.wh.../',
];
/** Aufs metadata, and names that tools take for whiteouts in the wrong place. */
const STRANGE_NAMES = ['.wh..wh.aufs', 'a/.wh..wh.x', '.wh.a/b', 'c/.wh.d/.wh.e'];

const where = fc.oneof(
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('fresh' as const), components }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('existing' as const), at }) },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('below' as const), at, components }) },
);
/** Mostly something that can be linked to. */
const linkTo = fc.oneof(
  { weight: 6, arbitrary: fc.record({ kind: fc.constant('linkable' as const), at }) },
  { weight: 1, arbitrary: where },
);
const anyWhere = fc.oneof(
  { weight: 40, arbitrary: where },
  {
    weight: 1,
    arbitrary: fc
      .constantFrom(...BAD_NAMES, ...STRANGE_NAMES)
      .map((name) => ({ kind: 'bad' as const, name })),
  },
);

const TEXTS = [
  '.',
  '..',
  '/',
  '../..',
  '/..',
  '../../../../..',
  'a',
  '/a',
  'a/b',
  'a/../b',
  './a//',
  '/b/c/',
  'gone/x',
  '/gone/../a',
  '\xe9',
  LONG,
  '',
];
const target: fc.Arbitrary<Target> = fc.oneof(
  { weight: 4, arbitrary: fc.constantFrom(...TEXTS).map((text) => ({ kind: 'text' as const, text })) },
  {
    weight: 5,
    arbitrary: fc.record({
      kind: fc.constant('existing' as const),
      at,
      style: fc.constantFrom('absolute' as const, 'relative' as const, 'climbing' as const),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('outside' as const), isAbsolute: fc.boolean() }) },
);

const mostlyPlain = <T>(plain: T, other: fc.Arbitrary<T>) =>
  fc.oneof({ weight: 4, arbitrary: fc.constant(plain) }, { weight: 1, arbitrary: other });

const style: fc.Arbitrary<NameStyle> = mostlyPlain<NameStyle>(
  { lead: '', trail: '', doubled: false, detour: false },
  fc.record({
    lead: fc.constantFrom('', './', '/', '//', '/./'),
    trail: fc.constantFrom('', '/', '//', '/.'),
    doubled: fc.boolean(),
    detour: fc.boolean(),
  }),
);

const stretch = fc.record({
  hole: fc.constantFrom(0, 0, 1, 512, 3000),
  size: fc.constantFrom(0, 1, 3, 511, 512, 513, 1500),
  fill: fc.integer({ min: 1, max: 255 }),
});

const CAPABILITY = Buffer.from('0100000200200000000000000000000000000000', 'hex');
const userXattr = fc.tuple(
  fc.constantFrom('user.a', 'user.b', 'user.c d', 'user.\xc3\xa9'),
  fc.uint8Array({ minLength: 1, maxLength: 12 }).map((bytes) => Buffer.from(bytes)),
);
const xattr = fc.oneof(
  { weight: 6, arbitrary: userXattr },
  {
    weight: 1,
    arbitrary: fc.constantFrom(['security.capability', CAPABILITY], ['trusted.t', Buffer.from('t')]),
  },
) as fc.Arbitrary<readonly [string, Buffer]>;
const xattrs = fc.uniqueArray(xattr, { maxLength: 3, selector: ([name]) => name });

const encoding: fc.Arbitrary<Encoding> = fc.record({
  format: fc.constantFrom('ustar', 'gnu', 'pax', 'v7'),
  fileType: mostlyPlain<Encoding['fileType']>('0', fc.constantFrom('\0', '7')),
  sparse: mostlyPlain<Encoding['sparse']>(undefined, fc.constantFrom('old', '0.0', '0.1', '1.0')),
  typeBits: mostlyPlain(false, fc.constant(true)),
  claimedSize: mostlyPlain(0, fc.constantFrom(1, 512, 70_000)),
  signedChecksum: mostlyPlain(false, fc.constant(true)),
  decoys: mostlyPlain(false, fc.constant(true)),
  global: fc.oneof(
    { weight: 30, arbitrary: fc.constant(false) },
    { weight: 1, arbitrary: fc.constant(true) },
  ),
});

const MODES = [0o644, 0o755, 0o600, 0o777, 0, 0o111, 0o4755, 0o2755, 0o1777, 0o6711, 0o7777, 0o444];
const SECOND = 1_000_000_000n;
const mtimeNs = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.constantFrom(
      0n,
      SECOND,
      -SECOND,
      1_700_000_000n * SECOND,
      2n ** 33n * SECOND,
      -86_400n * SECOND,
    ),
  },
  {
    weight: 3,
    arbitrary: fc.bigInt({ min: -(2n ** 31n), max: 2n ** 33n }).map((seconds) => seconds * SECOND),
  },
  { weight: 1, arbitrary: fc.bigInt({ min: -(2n ** 31n) * SECOND, max: 2n ** 33n * SECOND }) },
  { weight: 1, arbitrary: fc.constantFrom(1_700_000_000_999_999_999n, -500_000_000n, 1n, -1n) },
);
const id = mostlyPlain(0, fc.constantFrom(1, 1000, 65_534, 2 ** 21 - 1, 2 ** 21, 2 ** 32 - 2));
const kind = fc.constantFrom<EntryKind>('file', 'directory', 'symlink', 'hardlink', 'char', 'block', 'fifo');

const what = fc.oneof(
  { weight: 6, arbitrary: fc.constant('file' as const) },
  { weight: 6, arbitrary: fc.constant('directory' as const) },
  { weight: 4, arbitrary: fc.constant('symlink' as const) },
  { weight: 4, arbitrary: fc.constant('hardlink' as const) },
  { weight: 4, arbitrary: fc.constant('whiteout' as const) },
  { weight: 2, arbitrary: fc.constant('opaque' as const) },
  {
    weight: 1,
    arbitrary: fc.constantFrom('fifo' as const, 'char' as const, 'block' as const, 'root' as const),
  },
);

const wish: fc.Arbitrary<Wish> = fc.record({
  what,
  as: mostlyPlain<EntryKind>('file', kind),
  markerAt: fc.option(at, { nil: undefined, freq: 3 }),
  where: anyWhere,
  linkTo,
  target,
  style,
  linkStyle: style,
  mode: fc.constantFrom(...MODES),
  uid: id,
  gid: id,
  mtimeNs,
  content: fc.array(stretch, { maxLength: 3 }),
  device: fc.constantFrom([1, 3], [0, 0], [8, 300], [4095, 1_048_575]) as fc.Arbitrary<
    readonly [number, number]
  >,
  xattrs: mostlyPlain<readonly (readonly [string, Buffer])[]>([], xattrs),
  encoding,
});

const ending = fc.constantFrom<Ending>('two-blocks', 'two-blocks', 'one-block', 'none', 'record', 'garbage');

/** One to five layers of up to `entries` entries each. */
export function stacks(entries = 14): fc.Arbitrary<StackWish> {
  return fc.record({
    layers: fc.array(fc.array(wish, { minLength: 1, maxLength: entries, size: '+1' }), {
      minLength: 1,
      maxLength: 5,
      size: '+1',
    }),
    endings: fc.array(ending, { minLength: 5, maxLength: 5 }),
    mayFail: fc.oneof(
      { weight: 6, arbitrary: fc.constant(false) },
      { weight: 1, arbitrary: fc.constant(true) },
    ),
    slices: fc.oneof(
      fc.constant([1 << 20]),
      fc.array(fc.integer({ min: 1, max: 1400 }), { minLength: 1, maxLength: 8 }),
    ),
  });
}
