// `node scripts/e2e/serve.ts PORT REPOSITORY FORMAT`: serves a fixture image on loopback, for runners without service containers.
// Returns once it answers; the process that goes on ends with the job, or after a while where a runner keeps its machine.
import { spawn } from 'node:child_process';
import { cpSync, mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type FixtureFormat, fixtureLayout } from '../../__tests__/support/fixture-image.ts';
import { startRegistry } from '../../__tests__/support/registry.ts';

const ATTEMPTS = 100;
const PAUSE_MS = 100;
/** No job of the workflow takes longer. */
const END_MS = 15 * 60 * 1000;

const [port, repository, format, stay] = process.argv.slice(2);
if (!port || !repository || !format) throw new Error('usage: serve.ts PORT REPOSITORY FORMAT');
if (stay === undefined) await startOther(port);
else {
  setTimeout(() => process.exit(), END_MS);
  await startRegistry({
    port: Number(port),
    images: [{ repository, layout: copyOf(format as FixtureFormat) }],
  });
}

/** The next job on the same machine may find this process, and no checkout any more. */
function copyOf(image: FixtureFormat): string {
  const copy = mkdtempSync(join(tmpdir(), 'oci-pull-e2e-'));
  cpSync(fixtureLayout(image), copy, { recursive: true });
  return copy;
}

async function startOther(at: string): Promise<void> {
  const script = process.argv.slice(1);
  spawn(process.execPath, [...script, 'stay'], {
    detached: true,
    stdio: 'ignore',
    windowsHide: true,
  }).unref();
  for (let attempt = 1; !(await answers(at)); attempt++) {
    if (attempt === ATTEMPTS) throw new Error(`nothing answers on port ${at}`);
    await sleep(PAUSE_MS);
  }
  console.log(`serving ${format} at 127.0.0.1:${at}/${repository}`);
}

async function answers(at: string): Promise<boolean> {
  return await fetch(`http://127.0.0.1:${at}/v2/`).then(
    ({ ok }) => ok,
    () => false,
  );
}
