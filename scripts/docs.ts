// `node scripts/docs.ts` writes the generated parts of the documentation; with --check it fails when one is stale.
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { ERROR_CODES } from '../src/errors.ts';
import { formatLimit, NAMED_LIMITS } from '../src/pull/limits.ts';
import { parseActionMetadata } from './docs/action-metadata.ts';
import { renderErrors, updateReadme } from './docs/pages.ts';

const ROOT = join(import.meta.dirname, '..');

const { values } = parseArgs({ options: { check: { type: 'boolean', default: false } } });
const metadata = parseActionMetadata(await read('action.yml'));
const limits = NAMED_LIMITS.map((limit) => ({ ...limit, default: formatLimit(limit) }));
const pages = {
  'README.md': updateReadme(await read('README.md'), metadata, limits),
  'docs/errors.md': renderErrors(ERROR_CODES),
};

for (const [path, content] of Object.entries(pages)) {
  if (content === (await read(path).catch(() => ''))) continue;
  if (values.check) {
    console.error(`${path} is stale: run \`npm run docs\` and commit the result`);
    process.exitCode = 1;
  } else {
    await writeFile(join(ROOT, path), content);
  }
}

function read(path: string): Promise<string> {
  return readFile(join(ROOT, path), 'utf8');
}
