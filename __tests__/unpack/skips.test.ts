import { expect, it } from 'vitest';
import { MAX_NAMED_SKIP_BYTES, MAX_NAMED_SKIPS } from '../../src/unpack/limits.ts';
import { SkipList } from '../../src/unpack/skips.ts';

it('counts everything and names no more than it may', () => {
  const list = new SkipList();
  for (let at = 0; at < MAX_NAMED_SKIPS + 5; at++) list.add(`f${at}`, at % 2 ? 'xattr' : 'device', 'no');
  const { count, byKind, named } = list.report();
  expect({ count, byKind }).toEqual({ count: 10_005, byKind: { device: 5003, fifo: 0, xattr: 5002 } });
  expect(named).toHaveLength(MAX_NAMED_SKIPS);
  expect(named[1]).toEqual({ path: 'f1', kind: 'xattr', reason: 'no' });
});

it('names no more than memory is set aside for, however long the names are', () => {
  const list = new SkipList();
  const name = 'x'.repeat(4096);
  for (let at = 0; at < 5000; at++) list.add(name, 'fifo', 'no');
  const bytes = list.named.reduce((sum, { path, reason }) => sum + path.length + reason.length, 0);
  expect(bytes).toBeLessThanOrEqual(MAX_NAMED_SKIP_BYTES);
  expect(bytes).toBeGreaterThan(0.9 * MAX_NAMED_SKIP_BYTES);
  expect(list.count).toBe(5000);
});
