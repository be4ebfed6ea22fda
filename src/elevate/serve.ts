// The root process: does what the process on the other end of its standard streams asks for, and ends with it.
import type { Readable, Writable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { PullError, toErrorData } from '../errors.ts';
import { ProgressBoard } from '../workers/progress-board.ts';
import { applyChanges } from './board-relay.ts';
import { readMessages, writeMessage } from './frames.ts';
import { killHelpers } from './helpers.ts';
import {
  MAX_REPLY_BYTES,
  MAX_REQUEST_BYTES,
  type Message,
  type NamedDirectory,
  type Reply,
  type Request,
  type Unpack,
} from './protocol.ts';
import { removeStagedTree, takeOverRoot } from './staged-tree.ts';

/** How often programs are looked for that keep a cancelled request from its end. */
const STOP_INTERVAL_MS = 50;
/** A request that has not ended so long after its cancellation is left to the end of the process. */
const STOP_TIMEOUT_MS = 15_000;

export interface RootStreams {
  readonly input: Readable;
  readonly output: Writable;
}

/**
 * Answers requests until `input` ends: then the other process has no more to ask, or is gone, and what it has not put in its place
 * is removed. `user`: whoever called sudo.
 */
export async function serveAsRoot(
  unpack: Unpack,
  user: number,
  { input, output }: RootStreams,
): Promise<void> {
  output.on('error', () => input.destroy());
  const server = new RootServer(unpack, user, (reply) => writeMessage(output, reply, MAX_REPLY_BYTES));
  server.greet();
  try {
    for await (const message of readMessages(input, MAX_REQUEST_BYTES)) server.take(message as Message);
  } catch {
    // There is nobody left to tell.
  }
  await server.end();
}

class RootServer {
  readonly #unpack: Unpack;
  readonly #user: number;
  readonly #reply: (reply: Reply) => void;
  #underWay: { readonly stop: AbortController; readonly settled: Promise<void> } | undefined;
  #board: ProgressBoard | undefined;
  #root: NamedDirectory | undefined;

  constructor(unpack: Unpack, user: number, reply: (reply: Reply) => void) {
    this.#unpack = unpack;
    this.#user = user;
    this.#reply = reply;
  }

  greet(): void {
    this.#reply({ kind: 'ready' });
  }

  take(message: Message): void {
    if (message.kind === 'progress') {
      if (this.#board) applyChanges(this.#board, message);
    } else if (message.kind === 'abort') void this.#stop();
    else if (this.#underWay) throw new PullError('INTERNAL', 'root was asked for two things at once');
    else this.#begin(message);
  }

  /** Nothing is running afterwards, and no half-made tree is left. */
  async end(): Promise<void> {
    await this.#stop();
    try {
      // Once it is in its place, its old name is nobody's.
      if (this.#root) removeStagedTree(this.#root, this.#user);
    } catch {
      // The next pull tries again.
    }
  }

  #begin(request: Request): void {
    const stop = new AbortController();
    const settled = this.#answer(request, stop.signal).finally(() => {
      this.#underWay = undefined;
      this.#board = undefined;
    });
    this.#underWay = { stop, settled };
  }

  async #answer(request: Request, signal: AbortSignal): Promise<void> {
    try {
      const output = request.kind === 'remove' ? this.#remove(request) : await this.#fill(request, signal);
      // Programs were killed to end it, so what it says of the tree does not hold.
      if (signal.aborted) throw new PullError('ABORTED', 'the pull was cancelled');
      this.#reply({ kind: 'done', output });
    } catch (error) {
      this.#reply({ kind: 'failed', error: toErrorData(error) });
    }
  }

  #remove({ tree }: Request & { kind: 'remove' }): undefined {
    removeStagedTree(tree, this.#user);
    return undefined;
  }

  async #fill({ root, job, counters }: Request & { kind: 'unpack' }, signal: AbortSignal) {
    const board = ProgressBoard.create(counters);
    this.#board = board;
    signal.addEventListener('abort', () => board.abort(), { once: true });
    using held = takeOverRoot(root, this.#user);
    this.#root = root;
    const onEvent = (event: (Reply & { kind: 'event' })['event']) => this.#reply({ kind: 'event', event });
    const whole = { ...job, root: held.path, owner: 'preserve', board: board.memory } as const;
    return await this.#unpack(whole, { signal, onEvent });
  }

  async #stop(): Promise<void> {
    const request = this.#underWay;
    request?.stop.abort();
    const giveUp = Date.now() + STOP_TIMEOUT_MS;
    while (this.#underWay === request && request && Date.now() < giveUp) {
      killHelpers();
      await Promise.race([request.settled, sleep(STOP_INTERVAL_MS)]);
    }
  }
}
