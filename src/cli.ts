// Door: the command line program.
import { homedir } from 'node:os';
import { createPageFinder } from './cli/documentation.ts';
import { listenForInterrupt } from './cli/interrupt.ts';
import { main } from './cli/main.ts';
import { pull } from './pull/pull.ts';
import { limitYoungGeneration } from './workers/heap.ts';

limitYoungGeneration();

// A reader that has gone away (`oci-pull … | head`) is no failure of the pull; a full disk behind the pipe is.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') return;
  process.stderr.write(`error: the result cannot be written: ${error.message}\n`);
  process.exitCode = 1;
});
process.stderr.on('error', () => undefined);

const interrupt = listenForInterrupt();
const status = await main({
  argv: process.argv.slice(2),
  env: process.env,
  cwd: process.cwd(),
  platform: process.platform,
  arch: process.arch,
  uid: process.getuid?.(),
  home: homedir(),
  stdin: process.stdin,
  stdout: (text) => process.stdout.write(text),
  stderr: (text) => process.stderr.write(text),
  columns: () => (process.stderr.isTTY ? (process.stderr.columns ?? 80) : undefined),
  interrupt,
  findPage: createPageFinder(import.meta.dirname),
  pull,
});
interrupt.dispose();
process.exitCode ||= status;
