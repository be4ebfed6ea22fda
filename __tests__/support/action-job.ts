// A job that runs the action as the runner does: `node index` once for each phase, with file commands and state in between.
import { spawn } from 'node:child_process';
import { chown, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';

export interface ActionJobOptions {
  /** The script that serves both phases. */
  readonly script: string;
  readonly inputs: Readonly<Record<string, string>>;
  readonly env?: Readonly<Record<string, string>>;
  /** Another user, who can read `node` and the script. */
  readonly user?: { readonly node: string; readonly uid: number; readonly gid: number };
  /** A workspace that outlives the job; default: one of its own. */
  readonly workspace?: string;
}

export interface PhaseResult {
  readonly code: number | null;
  readonly log: string;
}

/** A machine of its own: nothing but the services is shared with other jobs. */
export class ActionJob implements AsyncDisposable {
  readonly root: string;
  readonly #options: ActionJobOptions;

  private constructor(root: string, options: ActionJobOptions) {
    this.root = root;
    this.#options = options;
  }

  static async start(options: ActionJobOptions): Promise<ActionJob> {
    const root = await mkdtemp(join(tmpdir(), 'job-'));
    for (const name of ['temp', 'work', 'home']) await mkdir(join(root, name));
    for (const name of ['output', 'state', 'summary']) await writeFile(join(root, name), '');
    const { user } = options;
    if (user) for (const path of [root, ...(await inside(root))]) await chown(path, user.uid, user.gid);
    return new ActionJob(root, options);
  }

  /** Runs one phase. `onLog` sees the output so far, and may send the process a signal. `killAfter`: milliseconds until SIGKILL. */
  async run(
    phase: 'main' | 'post',
    onLog: (log: string, kill: (signal: NodeJS.Signals) => void) => void = () => undefined,
    killAfter?: number,
  ): Promise<PhaseResult> {
    const env = { ...this.#environment(), ...(phase === 'post' ? await this.#state() : {}) };
    const { script, user } = this.#options;
    const child = spawn(user?.node ?? process.execPath, [script], {
      ...(user ? { uid: user.uid, gid: user.gid } : {}),
      cwd: this.#workspace,
      env,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const killer = killAfter === undefined ? undefined : setTimeout(() => child.kill('SIGKILL'), killAfter);
    let log = '';
    child.stdout.on('data', (part) => {
      log += String(part);
      onLog(log, (signal) => child.kill(signal));
    });
    const [errors, code] = await Promise.all([
      text(child.stderr),
      new Promise<number | null>((resolve) => child.on('close', resolve)),
    ]);
    clearTimeout(killer);
    return { code, log: log + errors };
  }

  async outputs(): Promise<Record<string, string>> {
    return readFileCommands(await readFile(join(this.root, 'output'), 'utf8'));
  }

  summary(): Promise<string> {
    return readFile(join(this.root, 'summary'), 'utf8');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await rm(this.root, { recursive: true, force: true });
  }

  get #workspace(): string {
    return this.#options.workspace ?? join(this.root, 'work');
  }

  #environment(): Record<string, string> {
    const inputs = Object.entries(this.#options.inputs);
    return {
      PATH: process.env.PATH ?? '',
      HOME: join(this.root, 'home'),
      GITHUB_WORKSPACE: this.#workspace,
      RUNNER_TEMP: join(this.root, 'temp'),
      RUNNER_TOOL_CACHE: join(this.root, 'tools'),
      GITHUB_OUTPUT: join(this.root, 'output'),
      GITHUB_STATE: join(this.root, 'state'),
      GITHUB_STEP_SUMMARY: join(this.root, 'summary'),
      ...Object.fromEntries(inputs.map(([name, value]) => [`INPUT_${name.toUpperCase()}`, value])),
      ...this.#options.env,
    };
  }

  async #state(): Promise<Record<string, string>> {
    const state = readFileCommands(await readFile(join(this.root, 'state'), 'utf8'));
    return Object.fromEntries(Object.entries(state).map(([name, value]) => [`STATE_${name}`, value]));
  }
}

const inside = async (root: string) => (await readdir(root)).map((name) => join(root, name));

/** Reads the heredoc form in which the toolkit writes outputs and state. */
export function readFileCommands(content: string): Record<string, string> {
  const found = content.matchAll(/^([\w-]+)<<(ghadelimiter_\S+)\n([\s\S]*?)\n\2$/gm);
  return Object.fromEntries([...found].map(([, name = '', , value = '']) => [name, value]));
}
