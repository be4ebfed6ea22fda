// Are two directories of files the same, byte for byte?
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';

/** One sentence for each file that is missing, superfluous or different in `actual`; none when all is equal. */
export async function compareDirectories(expected: string, actual: string): Promise<string[]> {
  const [wanted, present] = await Promise.all([fileNames(expected), fileNames(actual)]);
  const differences = [
    ...wanted.filter((name) => !present.includes(name)).map((name) => `${name} is missing`),
    ...present.filter((name) => !wanted.includes(name)).map((name) => `${name} should not be there`),
  ];
  for (const name of wanted.filter((candidate) => present.includes(candidate))) {
    const [a, b] = await Promise.all([readFile(join(expected, name)), readFile(join(actual, name))]);
    if (!a.equals(b)) differences.push(`${name} differs`);
  }
  return differences;
}

async function fileNames(directory: string): Promise<string[]> {
  const entries = await readdir(directory, { recursive: true, withFileTypes: true }).catch(() => []);
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(directory.length + 1))
    .sort();
}
