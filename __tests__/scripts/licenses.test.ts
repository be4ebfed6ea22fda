import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Metafile } from 'esbuild';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { packageDirectories, readLicensedPackage, renderLicenses } from '../../scripts/dist/licenses.ts';

function metafile(inputs: Record<string, number>): Metafile {
  const entries = Object.entries(inputs).map(([path, bytesInOutput]) => [path, { bytesInOutput }]);
  const output = { bytes: 1, imports: [], exports: [], inputs: Object.fromEntries(entries) };
  return { inputs: {}, outputs: { 'dist/a.js': output } };
}

describe('packageDirectories', () => {
  it('finds packages, scoped and nested ones too, once each', () => {
    const inputs = {
      'src/cli.ts': 10,
      'node_modules/tar/index.js': 10,
      'node_modules/tar/other.js': 10,
      'node_modules/@scope/name/lib/a.js': 10,
      'node_modules/a/node_modules/b/index.js': 10,
    };
    expect(packageDirectories(metafile(inputs))).toEqual([
      'node_modules/@scope/name',
      'node_modules/a/node_modules/b',
      'node_modules/tar',
    ]);
  });

  it('leaves out what was shaken off', () => {
    expect(packageDirectories(metafile({ 'node_modules/tar/index.js': 0 }))).toEqual([]);
  });
});

describe('readLicensedPackage', () => {
  let directory: string;
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'licenses-'));
  });
  afterEach(() => rm(directory, { recursive: true }));
  const manifest = (content: object) => writeFile(join(directory, 'package.json'), JSON.stringify(content));

  it('reads licence and notice, with plain line ends', async () => {
    await manifest({ name: 'a', version: '1.0.0', license: 'MIT' });
    await writeFile(join(directory, 'LICENSE.md'), 'text \r\nmore\r\n');
    await writeFile(join(directory, 'NOTICE'), 'notice');
    await mkdir(join(directory, 'lib'));
    expect(await readLicensedPackage(directory)).toEqual({
      name: 'a',
      version: '1.0.0',
      license: 'MIT',
      texts: ['text\nmore', 'notice'],
    });
  });

  it('refuses a package without a licence', async () => {
    await manifest({ name: 'a', version: '1.0.0' });
    await expect(readLicensedPackage(directory)).rejects.toThrow(/names no licence/);
  });
});

describe('renderLicenses', () => {
  const licensed = (name: string, ...texts: string[]) => ({ name, version: '1.0.0', license: 'MIT', texts });

  it('does not depend on the order of the packages', () => {
    const packages = [licensed('b', 'B'), licensed('A', 'A'), licensed('a', 'a')];
    expect(renderLicenses(packages, 'n')).toBe(renderLicenses(packages.toReversed(), 'n'));
  });

  it('names the licence of a package that ships no text', () => {
    expect(renderLicenses([licensed('a')], 'n')).toContain('it declares MIT');
  });

  it('ends with the notice for the binaries', () => {
    expect(renderLicenses([licensed('a', 'A')], 'what is linked in\n')).toMatch(
      /zstd\.\*\.node\n=+\n\nwhat is linked in\n$/,
    );
  });
});
