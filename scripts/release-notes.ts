// `node scripts/release-notes.ts vX.Y.Z` prints that version's part of CHANGELOG.md.
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { changesOf } from './docs/changelog.ts';

const version = (process.argv[2] ?? '').replace(/^v/, '');
const changelog = await readFile(join(import.meta.dirname, '../CHANGELOG.md'), 'utf8');
console.log(changesOf(changelog, version));
