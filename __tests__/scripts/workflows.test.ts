import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';

const WORKFLOWS = new URL('../../.github/workflows/', import.meta.url);

describe.each(readdirSync(WORKFLOWS))('%s', (name) => {
  const text = readFileSync(new URL(name, WORKFLOWS), 'utf8');
  const uses = [...text.matchAll(/^\s*(?:- )?uses: (.+)$/gm)].map(([, value = '']) => value);

  it('pins every action of others to a full commit, with its version beside it', () => {
    const loose = uses.filter(
      (value) => value !== './' && !/^[\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$/.test(value),
    );
    expect(loose).toEqual([]);
  });

  it('asks for permissions explicitly', () => {
    expect(text).toMatch(/^permissions:/m);
  });

  it('does not leave a credential in the clone', () => {
    const clones = text.split('actions/checkout@').length - 1;
    expect(text.split('persist-credentials: false').length - 1).toBe(clones);
  });
});
