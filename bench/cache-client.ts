// One process that saves or restores one file through the cache, for cache-backends.ts: `node cache-client.ts save|restore <file>`.
// BACKEND names the backend. Prints a line of JSON: seconds of the transfer, of the processor with tar and zstd, and MiB of memory of
// this process, without them, at its highest.
import { readFileSync } from 'node:fs';
import { openCache } from '../src/cache/choose-backend.ts';

const [, , action, file = ''] = process.argv;
const { BACKEND, RUNNER_TEMP = '' } = process.env;
const silent = () => undefined;
const cache = openCache({
  backend: BACKEND === 'toolkit' ? 'toolkit' : 'direct',
  env: process.env,
  tempDirectory: RUNNER_TEMP,
  log: (message) => process.stderr.write(`${message}\n`),
  debug: silent,
  onSecret: silent,
});
const before = cpuSeconds();
const started = performance.now();
const outcome =
  action === 'save'
    ? await cache.save({ name: 'bench', key: 'bench-1', equivalents: [], file })
    : await cache.restore('bench', ['bench-'], file);
const seconds = (performance.now() - started) / 1000;
const result = { outcome, seconds, cpuSeconds: cpuSeconds() - before, peakMiB: peakMiB() };
process.stderr.write(`\n${JSON.stringify(result)}\n`);
await cache.close();

/** Of this process and the children it has waited for: proc_pid_stat(5), in hundredths of a second. */
function cpuSeconds(): number {
  const fields = readFileSync('/proc/self/stat', 'utf8')
    .replace(/^.*\) /s, '')
    .split(' ');
  return fields.slice(11, 15).reduce((sum, field) => sum + Number(field), 0) / 100;
}

/** Not maxRSS of getrusage(2): it starts at what the parent had when it made this process. */
function peakMiB(): number {
  return Number(/VmHWM:\s+(\d+)/.exec(readFileSync('/proc/self/status', 'utf8'))?.[1]) / 1024;
}
