// Ends a process whose fuzzer got stuck in a loop: timers of its own thread would never fire.
import { Worker } from 'node:worker_threads';

/** Long enough for a machine whose disk is busy with something else. */
const STUCK_AFTER_MS = 240_000;

/** A thread that kills the process when `beat` has not been called for minutes, and says what was under way. */
const WATCH = `
const { workerData } = require('node:worker_threads');
const { writeSync } = require('node:fs');
const { beats, text, stuckAfter } = workerData;
let last = -1;
setInterval(() => {
  const now = Atomics.load(beats, 0);
  if (now !== last) { last = now; return; }
  const length = Atomics.load(beats, 1);
  writeSync(2, 'fuzz: stuck in: ' + Buffer.from(text.slice(0, length)).toString() + '\\n');
  process.kill(process.pid, 'SIGKILL');
}, stuckAfter);
`;
const MAX_TEXT = 64 << 10;

export interface Watchdog extends AsyncDisposable {
  /** `what` is about to be done: enough to do it again. */
  beat(what: string): void;
}

export function startWatchdog(): Watchdog {
  const beats = new Int32Array(new SharedArrayBuffer(8));
  const text = new Uint8Array(new SharedArrayBuffer(MAX_TEXT));
  const worker = new Worker(WATCH, { eval: true, workerData: { beats, text, stuckAfter: STUCK_AFTER_MS } });
  worker.unref();
  return {
    beat(what) {
      const bytes = Buffer.from(what).subarray(0, MAX_TEXT);
      text.set(bytes);
      Atomics.store(beats, 1, bytes.length);
      Atomics.add(beats, 0, 1);
    },
    async [Symbol.asyncDispose]() {
      await worker.terminate();
    },
  };
}
