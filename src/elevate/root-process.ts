// This end of the root process: asks it to unpack and to remove, and makes sure that it ends.
import { describeError, fromErrorData, PullError } from '../errors.ts';
import type { UnpackHooks, UnpackJob, UnpackOutcome } from '../unpack/job.ts';
import { ProgressBoard } from '../workers/progress-board.ts';
import { BoardRelay } from './board-relay.ts';
import { readMessages, writeMessage } from './frames.ts';
import { inodeOf } from './inode.ts';
import {
  MAX_REPLY_BYTES,
  MAX_REQUEST_BYTES,
  type Message,
  type NamedDirectory,
  type Reply,
  type Request,
} from './protocol.ts';
import { type Child, spawnAsRoot, whyNoSudo } from './sudo.ts';

/** sudo may ask a directory service who this is. */
const START_TIMEOUT_MS = 30_000;
/** After its input has ended it stops what it does and removes what is half made. */
const END_TIMEOUT_MS = 60_000;
/** How long bytes that were written may wait until the unpacker hears of them; it has more than this to do. */
const RELAY_MS = 4;
const MAX_COMPLAINT = 2_000;

interface Pending {
  readonly onEvent: UnpackHooks['onEvent'] | undefined;
  readonly resolve: (output: UnpackOutcome | undefined) => void;
  readonly reject: (error: PullError) => void;
}

/** Ended by disposing of it. */
export class RootProcess implements AsyncDisposable {
  readonly #child: Child;
  readonly #closed = Promise.withResolvers<void>();
  #complaint = '';
  #isOver = false;
  #pending: Pending | undefined;

  private constructor(child: Child) {
    this.#child = child;
    child.once('close', () => this.#closed.resolve());
    child.once('error', (error) => this.#giveUp(describeError(error)));
    child.stderr.setEncoding('utf8').on('data', (text: string) => this.#complain(text));
    // A process that is gone shows in the end of its output.
    child.stdin.on('error', () => undefined);
    void this.#listen();
  }

  /** Throws ROOT_REQUIRED where sudo is not there, wants a password, or does not let this program run. */
  static async start(): Promise<RootProcess> {
    const reason = whyNoSudo();
    if (reason !== undefined) throw noRoot(reason);
    const root = new RootProcess(spawnAsRoot());
    const timeout = setTimeout(() => root.#giveUp('sudo does not answer'), START_TIMEOUT_MS);
    try {
      await new Promise<void>((resolve, reject) => {
        root.#pending = { onEvent: undefined, resolve: () => resolve(), reject };
      });
      return root;
    } catch {
      throw noRoot(root.#complaint.trim().split('\n')[0] || 'sudo does not start a program');
    } finally {
      clearTimeout(timeout);
    }
  }

  get isOver(): boolean {
    return this.#isOver;
  }

  /** As `unpackHere`, but with the owners of the image. `root` must be a staging directory of this user. */
  async unpack(job: UnpackJob, { signal, onEvent }: UnpackHooks): Promise<UnpackOutcome> {
    const board = new ProgressBoard(job.board);
    const { board: _board, owner: _owner, root: path, ...rest } = job;
    const root = { path, inode: (await inodeOf(path)) ?? '' };
    const abort = () => this.#send({ kind: 'abort' });
    const asked = this.#ask({ kind: 'unpack', root, job: rest, counters: board.counters }, onEvent);
    signal.addEventListener('abort', abort, { once: true });
    if (signal.aborted) abort();
    const relay = new BoardRelay(board);
    const timer = setInterval(() => this.#relay(relay), RELAY_MS);
    try {
      return (await asked) as UnpackOutcome;
    } finally {
      clearInterval(timer);
      signal.removeEventListener('abort', abort);
    }
  }

  /** Removes a staging directory with all that is in it. Throws UNPACK_FAILED. */
  async remove(tree: NamedDirectory): Promise<void> {
    await this.#ask({ kind: 'remove', tree });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#child.stdin.end();
    const timeout = setTimeout(() => this.#giveUp('the root process does not end'), END_TIMEOUT_MS);
    await this.#closed.promise;
    clearTimeout(timeout);
  }

  #ask(request: Request, onEvent?: UnpackHooks['onEvent']): Promise<UnpackOutcome | undefined> {
    if (this.#isOver) return Promise.reject(this.#ended());
    if (this.#pending) return Promise.reject(new PullError('INTERNAL', 'the root process is busy'));
    return new Promise((resolve, reject) => {
      this.#pending = { onEvent, resolve, reject };
      try {
        this.#send(request);
      } catch (error) {
        this.#pending = undefined;
        reject(error as Error);
      }
    });
  }

  #send(message: Message): void {
    if (this.#child.stdin.writable) writeMessage(this.#child.stdin, message, MAX_REQUEST_BYTES);
  }

  /** While the other end does not read, changes add up. */
  #relay(relay: BoardRelay): void {
    if (this.#child.stdin.writableNeedDrain) return;
    const changes = relay.changes();
    if (changes) this.#send({ kind: 'progress', ...changes });
  }

  async #listen(): Promise<void> {
    try {
      for await (const reply of readMessages(this.#child.stdout, MAX_REPLY_BYTES)) this.#take(reply as Reply);
    } catch (error) {
      this.#complain(describeError(error));
    }
    this.#child.stdin.destroy();
    await this.#closed.promise;
    this.#isOver = true;
    this.#settle()?.reject(this.#ended());
  }

  #take(reply: Reply): void {
    if (reply.kind === 'event') this.#pending?.onEvent?.(reply.event);
    else if (reply.kind === 'failed') this.#settle()?.reject(fromErrorData(reply.error));
    else this.#settle()?.resolve(reply.kind === 'done' ? reply.output : undefined);
  }

  #settle(): Pending | undefined {
    const pending = this.#pending;
    this.#pending = undefined;
    return pending;
  }

  /** It cannot be killed from here: it belongs to root. Without its pipes it ends as soon as it can. */
  #giveUp(complaint: string): void {
    this.#complain(complaint);
    for (const stream of [this.#child.stdin, this.#child.stdout, this.#child.stderr]) stream.destroy();
    this.#child.unref();
    this.#closed.resolve();
  }

  #complain(text: string): void {
    if (this.#complaint.length < MAX_COMPLAINT) this.#complaint += text.slice(0, MAX_COMPLAINT);
  }

  #ended(): PullError {
    const { exitCode, signalCode } = this.#child;
    const how = signalCode ?? (exitCode === null ? '' : `exit status ${exitCode}`);
    const complaint = this.#complaint.trim();
    return new PullError('WORKER_EXITED', `the root process ended before it had answered (${how})`, {
      ...(complaint === '' ? {} : { cause: new Error(complaint) }),
    });
  }
}

function noRoot(reason: string): PullError {
  return new PullError('ROOT_REQUIRED', `this user is not root and cannot become root: ${reason}`);
}
