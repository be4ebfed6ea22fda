// What must be true of an unpacked stack.
import { expect } from 'vitest';
import type { UnpackOptions } from '../../src/unpack/unpacker.ts';
import { listTree, type TreeRecord } from '../support/tree.ts';
import { comparable, expectedRecords } from './expected.ts';
import type { Settled } from './settle.ts';
import { showStack } from './show.ts';

/** What an image can be blamed for. */
export const IMAGE_FAULTS: readonly string[] = [
  'TAR_INVALID',
  'PATH_UNSAFE',
  'LIMIT_EXCEEDED',
  'UNPACK_FAILED',
];

export function expectTree(
  root: string,
  stack: Settled,
  owner: UnpackOptions['owner'],
  expected: readonly TreeRecord[] = expectedRecords(stack.model, owner),
): void {
  const actual = listTree(root, { exact: true, noOwner: owner !== 'preserve' });
  const isRootGiven = stack.model.inodes.get('')?.attributes !== undefined;
  expect(comparable(actual, expected, isRootGiven), `\n${showStack(stack)}\n`).toEqual(expected);
}
