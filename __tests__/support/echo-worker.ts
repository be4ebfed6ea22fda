// A worker for tests of the pool: does what it is told.
import { threadId } from 'node:worker_threads';
import { PullError } from '../../src/errors.ts';
import { ProgressBoard } from '../../src/workers/progress-board.ts';
import { serve } from '../../src/workers/serve.ts';

export type EchoJobs = {
  echo: { input: unknown; output: unknown; event: never };
  thread: { input: number; output: number; event: never };
  count: { input: number; output: string; event: number };
  fail: { input: 'pull' | 'plain' | 'errno' | 'text'; output: never; event: never };
  exit: { input: number; output: never; event: never };
  crash: { input: undefined; output: never; event: never };
  hang: { input: undefined; output: never; event: never };
  unsendable: { input: undefined; output: unknown; event: never };
  waitFor: {
    input: { memory: SharedArrayBuffer; counter: number; amount: number };
    output: string;
    event: 'waiting';
  };
};

const failures = {
  pull: () =>
    new PullError('DIGEST_MISMATCH', 'chunk 7 is wrong', {
      hint: 'look at chunk 7',
      cause: new Error('bad byte'),
    }),
  plain: () => new TypeError('no such thing'),
  errno: () => Object.assign(new Error('no space'), { code: 'ENOSPC', path: '/x' }),
  text: () => 'just text',
};

serve<EchoJobs>({
  echo: async (input) => input,
  thread: async (milliseconds) => {
    await new Promise((resolve) => setTimeout(resolve, milliseconds));
    return threadId;
  },
  count: async (to, report) => {
    for (let number = 1; number <= to; number++) report(number);
    return 'counted';
  },
  fail: async (kind) => {
    throw failures[kind]();
  },
  exit: async (code) => process.exit(code),
  crash: () => {
    setImmediate(() => {
      throw new Error('crashed');
    });
    return new Promise(() => undefined);
  },
  hang: () => new Promise(() => undefined),
  unsendable: async () => () => undefined,
  waitFor: async ({ memory, counter, amount }, report) => {
    report('waiting');
    await new ProgressBoard(memory).waitFor(counter, amount);
    return 'there';
  },
});
