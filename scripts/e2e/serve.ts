// `node scripts/e2e/serve.ts PORT REPOSITORY FORMAT`: serves a fixture image on loopback, for runners without service containers.
// Returns once it answers; the process that goes on ends with the job.
import { spawn } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { type FixtureFormat, fixtureLayout } from '../../__tests__/support/fixture-image.ts';
import { startRegistry } from '../../__tests__/support/registry.ts';

const ATTEMPTS = 100;
const PAUSE_MS = 100;

const [port, repository, format, stay] = process.argv.slice(2);
if (!port || !repository || !format) throw new Error('usage: serve.ts PORT REPOSITORY FORMAT');
if (stay === undefined) await startOther(port);
else
  await startRegistry({
    port: Number(port),
    images: [{ repository, layout: fixtureLayout(format as FixtureFormat) }],
  });

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
