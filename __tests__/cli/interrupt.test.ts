import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { expect, it } from 'vitest';

/** A program that waits for its cancellation, then ends in its own time with the status it was told. */
const PROGRAM = `
  import { listenForInterrupt } from ${JSON.stringify(new URL('../../src/cli/interrupt.ts', import.meta.url).href)};
  const interrupt = listenForInterrupt();
  const busy = setInterval(() => {}, 1000);
  interrupt.signal.addEventListener('abort', () => {
    console.log('cancelled');
    if (process.argv[1] === 'stuck') return;
    clearInterval(busy);
    process.exitCode = interrupt.exitStatus();
  });
  console.log('ready');
`;

async function signalled(signals: readonly NodeJS.Signals[], mode: 'orderly' | 'stuck') {
  const child = spawn(process.execPath, ['--input-type=module', '-e', PROGRAM, mode], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const ended = once(child, 'exit');
  for (const signal of signals) {
    await once(child.stdout, 'data');
    child.kill(signal);
  }
  return await ended;
}

it.each([
  ['SIGINT', 130],
  ['SIGTERM', 143],
] as const)('%s cancels and leaves status %d', async (signal, status) => {
  expect(await signalled([signal], 'orderly')).toEqual([status, null]);
});

it('ends at once at the second signal', async () => {
  expect(await signalled(['SIGINT', 'SIGTERM'], 'stuck')).toEqual([130, null]);
});
