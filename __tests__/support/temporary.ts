// A directory for one test file, gone afterwards.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll } from 'vitest';

/** Call it at the top of a test file; each call of the result makes a new empty directory. */
export function temporaryDirectories(): () => string {
  const base = mkdtempSync(join(tmpdir(), 'oci-pull-test-'));
  afterAll(() => rmSync(base, { recursive: true, force: true }));
  return () => mkdtempSync(join(base, 'd-'));
}
