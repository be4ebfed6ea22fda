import { afterEach, describe, expect, it } from 'vitest';
import { PullError } from '../../src/errors.ts';
import { WorkerPool } from '../../src/workers/pool.ts';
import type { EchoJobs } from '../support/echo-worker.ts';
import { rejected } from '../support/pull-error.ts';

const SCRIPT = new URL('../support/echo-worker.ts', import.meta.url);
const pools: WorkerPool<EchoJobs>[] = [];
afterEach(async () => {
  for (const pool of pools.splice(0)) await pool.close();
});

function open(size = 1, script = SCRIPT): WorkerPool<EchoJobs> {
  const pool = new WorkerPool<EchoJobs>(script, size);
  pools.push(pool);
  return pool;
}

describe('WorkerPool', () => {
  it('gives back what the job gives', async () => {
    const input = {
      text: 'x',
      list: [1, 2],
      bytes: Uint8Array.of(1, 2),
      big: 2n ** 60n,
      map: new Map([['a', 1]]),
    };
    expect(await open().run('echo', input)).toEqual(input);
  });

  it('shares memory with its workers', async () => {
    const memory = new SharedArrayBuffer(8);
    const shared = (await open().run('echo', memory)) as SharedArrayBuffer;
    new Uint8Array(shared)[3] = 42;
    expect(new Uint8Array(memory)[3]).toBe(42);
  });

  it('asks before a thread turns to a job, and goes on where the answer is no', async () => {
    const pool = open();
    const turns: string[] = [];
    const first = pool.run('thread', 50, { onTurn: () => void turns.push('first') });
    const no = () => {
      turns.push('second');
      throw new PullError('LIMIT_EXCEEDED', 'no more of it');
    };
    const second = rejected('LIMIT_EXCEEDED', pool.run('echo', 1, { onTurn: no }));
    const third = pool.run('echo', 3);
    expect(turns).toEqual(['first']);
    await first;
    await second;
    expect([await third, turns]).toEqual([3, ['first', 'second']]);
  });

  it('reports events in order, before the result', async () => {
    const seen: number[] = [];
    const result = await open().run('count', 5, { onEvent: (number) => seen.push(number) });
    expect({ result, seen }).toEqual({ result: 'counted', seen: [1, 2, 3, 4, 5] });
  });

  it('does not mind events nobody listens to', async () => {
    expect(await open().run('count', 3)).toBe('counted');
  });

  it('runs more jobs than it has threads, on no more threads than allowed', async () => {
    const pool = open(2);
    const threads = await Promise.all(Array.from({ length: 9 }, () => pool.run('thread', 5)));
    expect(threads).toHaveLength(9);
    expect(new Set(threads).size).toBeLessThanOrEqual(2);
  });

  it('runs jobs side by side', async () => {
    const pool = open(2);
    const memory = new SharedArrayBuffer(16);
    const waiting = rejected('ABORTED', pool.run('waitFor', { memory, counter: 0, amount: 1 }));
    expect(await pool.run('echo', 'meanwhile')).toBe('meanwhile');
    await pool.close();
    await waiting;
  });

  it('starts a waiting job when the one before it fails', async () => {
    const pool = open();
    const [first, second] = await Promise.allSettled([pool.run('fail', 'plain'), pool.run('echo', 2)]);
    expect([first.status, second]).toEqual(['rejected', { status: 'fulfilled', value: 2 }]);
  });
});

describe('a job that fails', () => {
  it('rejects with its PullError, code, hint and cause', async () => {
    const error = await rejected('DIGEST_MISMATCH', open().run('fail', 'pull'));
    expect(error).toMatchObject({ message: 'chunk 7 is wrong', hint: 'look at chunk 7' });
    expect(error.cause).toMatchObject({ message: 'bad byte' });
  });

  it('rejects with INTERNAL for what is no PullError', async () => {
    expect((await rejected('INTERNAL', open().run('fail', 'plain'))).message).toContain('no such thing');
    expect((await rejected('INTERNAL', open().run('fail', 'text'))).message).toContain('just text');
  });

  it('rejects with the code that fits a system error', async () => {
    await rejected('DISK_FULL', open().run('fail', 'errno'));
  });

  it('rejects with INTERNAL where nobody knows the job', async () => {
    const run = (open() as unknown as WorkerPool<Record<string, EchoJobs['echo']>>).run('nonsense', 1);
    await rejected('INTERNAL', run);
  });

  it('rejects with INTERNAL where its result cannot be sent', async () => {
    await rejected('INTERNAL', open().run('unsendable', undefined));
  });

  it('rejects with INTERNAL where its input cannot be sent, and the next one runs', async () => {
    const pool = open();
    await rejected(
      'INTERNAL',
      pool.run('echo', () => undefined),
    );
    expect(await pool.run('echo', 'next')).toBe('next');
  });
});

describe('a worker that ends', () => {
  it.each([0, 1])(
    'with exit code %i rejects its job, and the waiting one gets a new thread',
    async (code) => {
      const pool = open();
      const exiting = rejected('WORKER_EXITED', pool.run('exit', code));
      const next = pool.run('echo', 'next');
      expect((await exiting).message).toContain('exit');
      expect(await next).toBe('next');
    },
  );

  it('by an error that nobody caught rejects its job with the cause', async () => {
    const error = await rejected('WORKER_EXITED', open().run('crash', undefined));
    expect(error.cause).toMatchObject({ message: 'crashed' });
  });

  it('before it could begin rejects every job', async () => {
    const pool = open(1, new URL('../support/absent-worker.ts', import.meta.url));
    const jobs = [1, 2, 3].map((input) => rejected('WORKER_EXITED', pool.run('echo', input)));
    await Promise.all(jobs);
  });
});

describe('a pool that is closed', () => {
  it('rejects the job under way and those that wait', async () => {
    const pool = open();
    const jobs = [pool.run('hang', undefined), pool.run('echo', 1), pool.run('echo', 2)];
    const outcomes = Promise.all(jobs.map((job) => rejected('ABORTED', job)));
    await pool.close();
    await outcomes;
  });

  it('rejects what comes after, and starts no thread for it', async () => {
    const pool = open();
    await pool.run('echo', 1);
    await pool.close();
    await rejected('ABORTED', pool.run('echo', 2));
  });

  it('may be closed again, and without ever having run anything', async () => {
    const pool = open();
    await pool.close();
    await expect(pool.close()).resolves.toBeUndefined();
  });
});
