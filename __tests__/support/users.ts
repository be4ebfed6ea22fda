// Other users of this machine: one that sudo asks for no password, one that it does not know. Made and removed by tests that run as root.
import { spawn, spawnSync } from 'node:child_process';
import {
  accessSync,
  chmodSync,
  chownSync,
  constants,
  copyFileSync,
  cpSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { CLI, type CliRun } from './cli.ts';

const TOOLS = ['sudo', 'useradd', 'userdel', 'id'];

/**
 * Why tests as other users must be skipped; undefined: run them. In CI they always run where tests run as root, so that missing
 * packages fail there. Use: `describe.skipIf(skipUsers())(…)`.
 */
export function skipUsers(): string | undefined {
  if (process.geteuid?.() !== 0 || process.platform !== 'linux') return 'only root on Linux can make users';
  if (process.env.CI) return undefined;
  const missing = TOOLS.find((tool) => toolPath(tool) === undefined);
  return missing && `${missing} is not installed`;
}

export interface TestUser {
  readonly uid: number;
  /** To run the built action as this user. */
  readonly action: {
    readonly script: string;
    readonly node: string;
    readonly uid: number;
    readonly gid: number;
  };
  /** A directory of this user's own. */
  directory(): string;
  /** Starts the built program. */
  start(...args: string[]): ReturnType<typeof spawn>;
  run(...args: string[]): Promise<CliRun>;
}

export interface TestUsers extends Disposable {
  /** May run everything as root. */
  readonly sudoer: TestUser;
  readonly plain: TestUser;
  /** Processes of root that were started by these users' programs and still run. */
  rootProcesses(): number[];
}

/** With names of their own, so that several runs of tests do not disturb one another. */
export function makeUsers(): TestUsers {
  const base = mkdtempSync(join(tmpdir(), 'oci-pull-users-'));
  chmodSync(base, 0o755);
  const [sudoer, plain] = [`oci-pull-a${process.pid}`, `oci-pull-b${process.pid}`];
  const rule = `/etc/sudoers.d/oci-pull-test-${process.pid}`;
  writeFileSync(rule, `${sudoer} ALL=(ALL:ALL) NOPASSWD: ALL\n`, { mode: 0o440 });
  const program = installProgram(base);
  return {
    sudoer: makeUser(sudoer, base, program),
    plain: makeUser(plain, base, program),
    rootProcesses: () => processesOf(join(program.directory, 'elevated.js')),
    [Symbol.dispose]() {
      rmSync(rule, { force: true });
      for (const name of [sudoer, plain]) run('userdel', name);
      rmSync(base, { recursive: true, force: true });
    },
  };
}

interface Program {
  readonly directory: string;
  readonly node: string;
}

/** A copy that every user can read, as the checkout need not be; of Node as well, where that cannot be. */
function installProgram(base: string): Program {
  const directory = join(base, 'dist');
  cpSync(dirname(CLI), directory, { recursive: true });
  const isReadable = spawnSync(process.execPath, ['--version'], { uid: 65_534, cwd: '/' }).status === 0;
  const node = isReadable ? process.execPath : join(base, 'node');
  if (!isReadable) copyFileSync(process.execPath, node);
  return { directory, node };
}

function makeUser(name: string, base: string, { directory, node }: Program): TestUser {
  run('useradd', '--no-create-home', '--no-user-group', '--shell', '/usr/sbin/nologin', name);
  const [uid, gid] = ['-u', '-g'].map((option) => Number(run('id', option, name))) as [number, number];
  const start = (...args: string[]) =>
    spawn(node, [join(directory, 'cli.js'), ...args], {
      uid,
      gid,
      cwd: base,
      env: { PATH: '/usr/bin:/bin', HOME: base },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
  return {
    uid,
    action: { script: join(directory, 'index.js'), node, uid, gid },
    directory: () => {
      const own = mkdtempSync(join(base, 'own-'));
      chownSync(own, uid, gid);
      return own;
    },
    start,
    run: (...args) => outcomeOf(start(...args)),
  };
}

export function outcomeOf(child: ReturnType<typeof spawn>): Promise<CliRun> {
  let [stdout, stderr] = ['', ''];
  child.stdout?.on('data', (text) => {
    stdout += text;
  });
  child.stderr?.on('data', (text) => {
    stderr += text;
  });
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (status) => resolve({ status, stdout, stderr }));
  });
}

/** Runs a program of the system and returns its output. The files of users are locked while another one writes them: it tries again. */
function run(tool: string, ...args: string[]): string {
  for (let attempt = 1; ; attempt++) {
    const { status, stdout, stderr } = spawnSync(toolPath(tool) ?? tool, args, { encoding: 'utf8' });
    if (status === 0) return stdout;
    if (attempt === 20) throw new Error(`${tool} ${args.join(' ')}: ${stderr}`);
    spawnSync('sleep', ['0.2']);
  }
}

function toolPath(name: string): string | undefined {
  return ['/usr/bin', '/usr/sbin', '/bin', '/sbin'].map((place) => `${place}/${name}`).find(isExecutable);
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** Those with `argument` on their command line. */
function processesOf(argument: string): number[] {
  const numbers = readdirSync('/proc').filter((name) => /^[0-9]+$/.test(name));
  return numbers.filter((number) => commandOf(number).includes(argument)).map(Number);
}

function commandOf(number: string): string[] {
  try {
    return readFileSync(`/proc/${number}/cmdline`, 'utf8').split('\0');
  } catch {
    return [];
  }
}
