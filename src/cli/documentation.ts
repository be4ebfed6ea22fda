// Where a page of the documentation is for whoever runs this program.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import packageJson from '../../package.json' with { type: 'json' };
import { VERSION } from './version.ts';

/** Finds pages such as `docs/errors.md#anchor`. */
export type PageFinder = (page: string) => string;

/** `directory`: of the running program, beside which the documentation is. */
export function createPageFinder(
  directory: string,
  manifest: Readonly<Record<string, unknown>> = packageJson,
): PageFinder {
  const home = webAddress(manifest.repository);
  return (page) => {
    if (home !== undefined) return `${home}/blob/v${VERSION}/${page}`;
    const [path = '', anchor] = page.split('#');
    const file = join(directory, '..', path);
    return existsSync(file) ? `${file}#${anchor}` : page;
  };
}

/** Of the field `repository` of a package.json. https://docs.npmjs.com/cli/configuring-npm/package-json#repository */
function webAddress(repository: unknown): string | undefined {
  const text =
    typeof repository === 'object' && repository !== null && 'url' in repository
      ? repository.url
      : repository;
  return typeof text === 'string' ? /^(?:git\+)?(https:\/\/.+?)(?:\.git)?\/?$/.exec(text)?.[1] : undefined;
}
