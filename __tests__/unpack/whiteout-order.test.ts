// Where in its layer a whiteout stands makes no difference.
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { createTarReader } from '../../src/tar/reader.ts';
import { DEFAULT_LIMITS } from '../../src/unpack/limits.ts';
import { Planner } from '../../src/unpack/planner.ts';
import { Quota } from '../../src/unpack/quota.ts';
import { SkipList } from '../../src/unpack/skips.ts';
import type { TreeNode } from '../../src/unpack/tree.ts';
import { sinkOnNothing } from '../support/nothing-sink.ts';
import { dir, file, pax, tar } from '../support/tar-builder.ts';

function applied(layers: readonly Uint8Array[]): unknown {
  const planner = new Planner({
    sink: sinkOnNothing(),
    limits: DEFAULT_LIMITS,
    quota: new Quota(DEFAULT_LIMITS),
    owner: 'preserve',
    skips: new SkipList(),
  });
  for (const [index, layer] of layers.entries()) {
    planner.beginLayer(index);
    const reader = createTarReader(planner);
    reader.push(layer);
    reader.finish();
    planner.endLayer();
  }
  return shown(planner.root);
}

function shown(node: TreeNode): unknown {
  if (node.kind !== 'directory') return node.kind === 'file' ? `file of layer ${node.layer}` : node.kind;
  const { attributes, xattrs, children } = node;
  const below = [...children].map(([name, child]) => [name, shown(child)] as const);
  return { attributes, xattrs: xattrs?.size, below: Object.fromEntries(below.sort()) };
}

const component = fc.constantFrom('a', 'b', 'c');
const path = fc.array(component, { minLength: 1, maxLength: 4 }).map((parts) => parts.join('/'));
const entry = fc
  .tuple(path, fc.boolean(), fc.integer({ min: 0, max: 0o777 }))
  .map(([name, isFile, mode]) =>
    isFile
      ? file(name, '', { mode })
      : Buffer.concat([pax(['SCHILY.xattr.user.a', '1']), dir(name, { mode })]),
  );
const whiteout = fc
  .tuple(path, fc.boolean())
  .map(([name, isOpaque]) => file(isOpaque ? `${name}/.wh..wh..opq` : name.replace(/[^/]*$/, '.wh.$&')));
const placed = fc.array(fc.tuple(whiteout, fc.nat({ max: 8 })), { maxLength: 6 });

it('gives the same tree wherever the whiteouts of a layer stand', () => {
  const stacks = fc.record({
    lower: fc.array(entry, { maxLength: 14 }),
    upper: fc.array(entry, { maxLength: 8 }),
    whiteouts: placed,
    top: fc.array(entry, { maxLength: 3 }),
  });
  fc.assert(
    fc.property(stacks, ({ lower, upper, whiteouts, top }) => {
      const mixed = [...upper];
      for (const [marker, at] of whiteouts) mixed.splice(Math.min(at, mixed.length), 0, marker);
      const first = [...whiteouts.map(([marker]) => marker), ...upper];
      const stack = (middle: readonly Buffer[]) => [tar(...lower), tar(...middle), tar(...top)];
      expect(applied(stack(mixed))).toEqual(applied(stack(first)));
    }),
    { numRuns: 500 },
  );
});
