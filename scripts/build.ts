// `node scripts/build.ts` writes dist/; with --check it builds elsewhere and fails when the committed dist/ differs.
import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { writeBundles } from './dist/bundle.ts';
import { compareDirectories } from './dist/compare.ts';
import { packageDirectories, readLicensedPackage, renderLicenses } from './dist/licenses.ts';
import { writeNatives } from './dist/natives.ts';

const ROOT = join(import.meta.dirname, '..');
const DIST = join(ROOT, 'dist');

const { values } = parseArgs({ options: { check: { type: 'boolean', default: false } } });
const scratch = await mkdtemp(join(tmpdir(), 'build-'));
try {
  // Built aside first: the committed binaries are among the sources, and a failed build must not lose them.
  const built = join(scratch, 'dist');
  await writeDist(built);
  if (values.check) process.exitCode = (await isCurrent(built)) ? 0 : 1;
  else await replaceDist(built);
} finally {
  await rm(scratch, { recursive: true, force: true });
}

async function replaceDist(built: string): Promise<void> {
  await rm(DIST, { recursive: true, force: true });
  await cp(built, DIST, { recursive: true });
}

async function isCurrent(built: string): Promise<boolean> {
  const differences = await compareDirectories(built, DIST);
  for (const difference of differences) console.error(`dist/${difference}`);
  if (differences.length > 0) console.error('dist/ is stale: run `npm run build` and commit the result');
  return differences.length === 0;
}

async function writeDist(directory: string): Promise<void> {
  const metafile = await writeBundles(ROOT, directory);
  await writeNatives(ROOT, directory);
  const bundled = packageDirectories(metafile).map((path) => join(ROOT, path));
  const packages = await Promise.all(
    [...bundled, join(ROOT, 'node_modules/@mongodb-js/zstd')].map(readLicensedPackage),
  );
  const notice = await readFile(join(ROOT, 'scripts/licenses/zstd-native.txt'), 'utf8');
  await writeFile(join(directory, 'THIRD_PARTY_LICENSES.txt'), renderLicenses(packages, notice));
}
