// Runs one command and measures it: wall and processor time, and the memory of its whole process tree.
import { spawn } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';

export interface Measurement {
  readonly seconds: number;
  /** User and system time of all processes that the command waited for. */
  readonly cpuSeconds: number;
  /** Resident memory of the tree at its highest, bytes; pages that processes share count once for each. */
  readonly peakMemory: number;
  readonly exitCode: number;
  readonly stdout: string;
  /** The end of what it wrote to standard error. */
  readonly stderr: string;
}

const SAMPLE_MILLISECONDS = 20;
/** Linux tells processor time in hundredths of a second on every architecture. */
const TICKS = 100;

/** Resolves whatever the exit code is; rejects when the program cannot be started. */
export function measure(command: readonly string[], cwd: string): Promise<Measurement> {
  const [program = '', ...args] = command;
  const watch = watchMemory();
  const before = childTicks();
  return new Promise((resolve, reject) => {
    const start = process.hrtime.bigint();
    // A process group of its own, so that nothing of it outlives an interrupted benchmark.
    const child = spawn(program, args, { cwd, detached: true, stdio: ['ignore', 'pipe', 'pipe'] });
    const stop = () => void (child.pid && process.kill(-child.pid, 'SIGKILL'));
    process.once('exit', stop);
    const timer = setInterval(() => watch.sample(child.pid), SAMPLE_MILLISECONDS);
    let seconds = 0;
    let stdout = '';
    let stderr = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      stdout += text;
    });
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      stderr = (stderr + text).slice(-2000);
    });
    child.on('exit', () => {
      seconds = Number(process.hrtime.bigint() - start) / 1e9;
      clearInterval(timer);
    });
    child.on('error', reject);
    child.on('close', (code) => {
      process.removeListener('exit', stop);
      const cpuSeconds = (childTicks() - before) / TICKS;
      resolve({ seconds, cpuSeconds, peakMemory: watch.peak(), exitCode: code ?? 1, stdout, stderr });
    });
  });
}

/** Processor time of this process's ended children; https://man7.org/linux/man-pages/man5/proc_pid_stat.5.html */
function childTicks(): number {
  const fields = statFields('self');
  return Number(fields[16 - 3]) + Number(fields[17 - 3]);
}

/** Fields of /proc/PID/stat from the third on (the second may hold blanks). */
function statFields(pid: number | 'self'): string[] {
  const text = readFileSync(`/proc/${pid}/stat`, 'latin1');
  return text.slice(text.lastIndexOf(')') + 2).split(' ');
}

/** Keeps to new processes, so that a sample costs little on the processors that are being measured. */
function watchMemory() {
  const strangers = new Set(processes());
  const family = new Set<number>();
  let peak = 0;
  return {
    sample(root: number | undefined): void {
      if (root === undefined) return;
      family.add(root);
      // Children have higher numbers than their parents but where the numbers wrap around.
      for (const pid of processes().filter((pid) => !strangers.has(pid) && !family.has(pid)))
        (family.has(parentOf(pid)) ? family : strangers).add(pid);
      let sum = 0;
      for (const pid of family) {
        const { now, highest } = memoryOf(pid);
        sum += now;
        peak = Math.max(peak, highest);
      }
      peak = Math.max(peak, sum);
    },
    peak: () => peak,
  };
}

function processes(): number[] {
  return readdirSync('/proc').map(Number).filter(Number.isInteger);
}

/** 0 for a process that has ended. */
function parentOf(pid: number): number {
  try {
    return Number(statFields(pid)[4 - 3]);
  } catch {
    return 0;
  }
}

/** Bytes; zeros for a process that has ended. */
function memoryOf(pid: number): { now: number; highest: number } {
  try {
    const status = readFileSync(`/proc/${pid}/status`, 'latin1');
    const read = (name: string) =>
      Number(status.match(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm'))?.[1] ?? 0) * 1024;
    return { now: read('VmRSS'), highest: read('VmHWM') };
  } catch {
    return { now: 0, highest: 0 };
  }
}
