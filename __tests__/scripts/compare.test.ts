import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { compareDirectories } from '../../scripts/dist/compare.ts';

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'compare-'));
});
afterEach(() => rm(directory, { recursive: true }));

async function write(side: 'expected' | 'actual', files: Record<string, string>): Promise<string> {
  const root = join(directory, side);
  for (const [name, content] of Object.entries(files)) {
    await mkdir(dirname(join(root, name)), { recursive: true });
    await writeFile(join(root, name), content);
  }
  return root;
}

it.each([
  ['finds nothing in equal trees', { a: '1', 'b/c': '2' }, { a: '1', 'b/c': '2' }, []],
  ['names a file that differs', { a: '1' }, { a: '2' }, ['a differs']],
  ['names a file that is missing', { a: '1', 'b/c': '2' }, { a: '1' }, ['b/c is missing']],
  ['names a file too many', { a: '1' }, { a: '1', x: '' }, ['x should not be there']],
])('%s', async (_, expected, actual, differences) => {
  expect(await compareDirectories(await write('expected', expected), await write('actual', actual))).toEqual(
    differences,
  );
});

it('takes an absent directory for an empty one', async () => {
  const expected = await write('expected', { a: '1' });
  expect(await compareDirectories(expected, join(directory, 'nowhere'))).toEqual(['a is missing']);
});
