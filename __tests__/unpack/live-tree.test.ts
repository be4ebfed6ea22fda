// What removing costs: an image may ask for it again and again.
import { expect, it } from 'vitest';
import { DEFAULT_LIMITS } from '../../src/unpack/limits.ts';
import { LiveTree } from '../../src/unpack/live-tree.ts';
import { Quota } from '../../src/unpack/quota.ts';
import { sinkOnNothing } from '../support/nothing-sink.ts';

function treeOnNothing(): LiveTree {
  return new LiveTree(sinkOnNothing(), DEFAULT_LIMITS, new Quota(DEFAULT_LIMITS));
}

it('looks through a directory once a layer, however often it is said to be opaque', () => {
  const tree = treeOnNothing();
  tree.layer = 0;
  const directory = tree.directory('d', 'd/f');
  directory.children.set('low', { kind: 'file', layer: 0, xattrs: undefined });
  let looks = 0;
  const keys = directory.children.keys.bind(directory.children);
  directory.children.keys = () => {
    looks++;
    return keys();
  };
  tree.layer = 1;
  directory.children.set('new', { kind: 'file', layer: 1, xattrs: undefined });
  for (let time = 0; time < 3; time++) tree.removeLowerChildren(directory);
  expect([...directory.children]).toMatchObject([['new', { layer: 1 }]]);
  expect(looks).toBe(1);
  tree.layer = 2;
  tree.removeLowerChildren(directory);
  expect(directory.children.size).toBe(0);
});
