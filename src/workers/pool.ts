// A small pool of worker threads that knows no job: the rooms that do the work own the job map and its types.
import { Worker } from 'node:worker_threads';
import { type ErrorData, fromErrorData, PullError, toPullError } from '../errors.ts';

/** Job name to what goes in, what comes out, and what is reported on the way. All of it must be structured-cloneable. */
export type JobMap = Record<string, { input: unknown; output: unknown; event: unknown }>;

/** Main thread to worker. */
export interface JobRequest {
  readonly id: number;
  readonly name: string;
  readonly input: unknown;
}

/** Worker to main thread. */
export type JobReply =
  | { readonly kind: 'event'; readonly id: number; readonly event: unknown }
  | { readonly kind: 'done'; readonly id: number; readonly output: unknown }
  | { readonly kind: 'failed'; readonly id: number; readonly error: ErrorData };

export interface RunOptions<Event> {
  /** Called when a thread is free for the job: what it throws is what the job comes to. */
  readonly onTurn?: () => void;
  readonly onEvent?: (event: Event) => void;
}

interface Task {
  readonly name: string;
  readonly input: unknown;
  readonly onTurn: (() => void) | undefined;
  readonly onEvent: ((event: never) => void) | undefined;
  readonly resolve: (output: never) => void;
  readonly reject: (error: Error) => void;
}

/** Runs jobs on up to `size` threads, each one job at a time; threads start when first needed. */
export class WorkerPool<Jobs extends JobMap> {
  readonly #script: URL;
  readonly #size: number;
  readonly #idle: Worker[] = [];
  readonly #busy = new Map<Worker, Task>();
  readonly #waiting: Task[] = [];
  #closed = false;
  #nextId = 1;

  constructor(script: URL, size: number) {
    this.#script = script;
    this.#size = size;
  }

  /** Rejects with the job's PullError, or WORKER_EXITED where the thread ended first. */
  run<Name extends keyof Jobs & string>(
    name: Name,
    input: Jobs[Name]['input'],
    options: RunOptions<Jobs[Name]['event']> = {},
  ): Promise<Jobs[Name]['output']> {
    if (this.#closed) return Promise.reject(cancelled());
    return new Promise((resolve, reject) => {
      const { onTurn } = options;
      const onEvent = options.onEvent as Task['onEvent'];
      this.#waiting.push({ name, input, onTurn, onEvent, resolve, reject });
      this.#dispatch();
    });
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /** Ends all threads; jobs under way, waiting or still to come are rejected with ABORTED. */
  async close(): Promise<void> {
    this.#closed = true;
    for (const task of this.#waiting.splice(0)) task.reject(cancelled());
    const workers = [...this.#idle, ...this.#busy.keys()];
    await Promise.all(workers.map((worker) => worker.terminate()));
  }

  #dispatch(): void {
    while (this.#waiting.length > 0) {
      const worker = this.#idle.pop() ?? (this.#busy.size < this.#size ? this.#start() : undefined);
      if (!worker) return;
      const task = this.#waiting.shift() as Task;
      this.#busy.set(worker, task);
      try {
        task.onTurn?.();
      } catch (error) {
        this.#settle(worker)?.reject(toPullError(error));
        continue;
      }
      const request: JobRequest = { id: this.#nextId++, name: task.name, input: task.input };
      try {
        worker.postMessage(request);
      } catch (cause) {
        this.#settle(worker)?.reject(
          new PullError('INTERNAL', `the input of job ${task.name} cannot be sent`, { cause }),
        );
      }
    }
  }

  #start(): Worker {
    const worker = new Worker(this.#script);
    worker.on('message', (reply: JobReply) => this.#onReply(worker, reply));
    worker.on('error', (cause) => this.#onExit(worker, cause));
    worker.on('exit', () => this.#onExit(worker, undefined));
    return worker;
  }

  #onReply(worker: Worker, reply: JobReply): void {
    if (reply.kind === 'event') {
      this.#busy.get(worker)?.onEvent?.(reply.event as never);
      return;
    }
    const task = this.#settle(worker);
    if (reply.kind === 'done') task?.resolve(reply.output as never);
    else task?.reject(fromErrorData(reply.error));
    this.#dispatch();
  }

  #settle(worker: Worker): Task | undefined {
    const task = this.#busy.get(worker);
    this.#busy.delete(worker);
    this.#idle.push(worker);
    return task;
  }

  #onExit(worker: Worker, cause: unknown): void {
    const task = this.#busy.get(worker);
    this.#busy.delete(worker);
    const at = this.#idle.indexOf(worker);
    if (at !== -1) this.#idle.splice(at, 1);
    const error = this.#closed
      ? cancelled()
      : new PullError('WORKER_EXITED', `the worker thread for ${task?.name} ended`, { cause });
    task?.reject(error);
    if (!this.#closed) this.#dispatch();
  }
}

function cancelled(): PullError {
  return new PullError('ABORTED', 'the pull was cancelled');
}
