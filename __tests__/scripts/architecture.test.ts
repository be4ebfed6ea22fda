import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';

const ROOT = new URL('../../', import.meta.url);

interface Rule {
  readonly name: string;
  readonly comment?: string;
}

async function enforcedImports(): Promise<Map<string, string[]>> {
  const { default: config }: { default: { forbidden: Rule[] } } = await import(
    new URL('.dependency-cruiser.mjs', ROOT).href
  );
  const rules = config.forbidden.filter((rule) => rule.name.startsWith('room-'));
  return new Map(
    rules.map(({ name, comment = '' }) => [name.slice('room-'.length), list(comment.split(': ')[1])]),
  );
}

/** The rows of the table of rooms, without the row of the doors. */
function documentedImports(): Map<string, string[]> {
  const page = readFileSync(new URL('docs/architecture.md', ROOT), 'utf8');
  const rows = page.matchAll(/^\| `([a-z]+)` \| .+ \| (.*)\|$/gm);
  return new Map([...rows].map(([, room = '', imports]) => [room, list(imports)]));
}

function list(text = ''): string[] {
  const names = text.split(',').map((name) => name.trim());
  return names.filter((name) => name !== '' && name !== 'errors.ts').toSorted();
}

it('describes the rooms and their imports as they are enforced', async () => {
  const enforced = await enforcedImports();
  expect(enforced.size).toBeGreaterThan(10);
  const byName = (rooms: Map<string, string[]>) => Object.fromEntries([...rooms].toSorted());
  expect(byName(documentedImports())).toEqual(byName(enforced));
});
