import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { createPageFinder } from '../../src/cli/documentation.ts';
import { VERSION } from '../../src/cli/version.ts';
import { temporaryDirectories } from '../support/temporary.ts';

const temporary = temporaryDirectories();
const PAGE = 'docs/errors.md#not_found';

it.each([['https://git.test/me/app'], [{ type: 'git', url: 'git+https://git.test/me/app.git' }]])(
  'a page is on the web where package.json says %j',
  (repository) => {
    const find = createPageFinder('/nowhere/dist', { repository });
    expect(find(PAGE)).toBe(`https://git.test/me/app/blob/v${VERSION}/${PAGE}`);
  },
);

it.each([[undefined], ['github:me/app'], [{}]])(
  'a page is a file beside the program where it says %j',
  (repository) => {
    const root = temporary();
    mkdirSync(join(root, 'docs'));
    writeFileSync(join(root, 'docs/errors.md'), '');
    expect(createPageFinder(join(root, 'dist'), { repository })(PAGE)).toBe(join(root, PAGE));
  },
);

it('a page keeps its name where neither is known', () => {
  expect(createPageFinder('/nowhere/dist', {})(PAGE)).toBe(PAGE);
});
