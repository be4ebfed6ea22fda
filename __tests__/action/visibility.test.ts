import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readVisibility, visibilityOf } from '../../src/action/visibility.ts';

describe('the visibility of the repository', () => {
  it.each<[unknown, string]>([
    [{ repository: { visibility: 'public', private: false } }, 'public'],
    [{ repository: { visibility: 'internal', private: true } }, 'internal'],
    [{ repository: { visibility: 'private', private: true } }, 'private'],
    [{ repository: { private: false } }, 'public'],
    [{ repository: { private: true } }, 'unknown'],
    [{ repository: { visibility: 'secret' } }, 'unknown'],
    [{ repository: null }, 'unknown'],
    [{ schedule: '0 0 * * *' }, 'unknown'],
    [null, 'unknown'],
    ['text', 'unknown'],
  ])('of the event %j is %s', (event, expected) => {
    expect(visibilityOf(event)).toBe(expected);
  });

  let directory: string;
  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'event-'));
  });
  afterAll(() => rm(directory, { recursive: true, force: true }));

  it.each([
    ['{"repository":{"visibility":"private"}}', 'private'],
    ['{', 'unknown'],
    ['', 'unknown'],
  ])('of an event file with %j is %s', async (text, expected) => {
    const path = join(directory, 'event.json');
    await writeFile(path, text);
    expect(await readVisibility(path)).toBe(expected);
  });

  it('is unknown without an event file', async () => {
    expect(await readVisibility(undefined)).toBe('unknown');
    expect(await readVisibility(join(directory, 'absent'))).toBe('unknown');
    expect(await readVisibility(directory)).toBe('unknown');
  });
});
