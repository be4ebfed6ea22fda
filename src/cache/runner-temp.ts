// Lends RUNNER_TEMP to the cache library as working directory and workspace.
// The library hashes path strings into an entry's version and resolves them against cwd and GITHUB_WORKSPACE, so only constant
// relative paths are found again by a job whose temp directory is elsewhere (host and container jobs mount it differently).

interface Lent {
  readonly cwd: string;
  readonly workspace: string | undefined;
}

// Both are properties of the process, hence one count for the whole process.
let holders = 0;
let lent: Lent | undefined;

/**
 * Runs `work` with cwd and GITHUB_WORKSPACE set to `directory`. Overlapping calls share one swap, and the last one to end
 * restores what was there; they must all name the same directory.
 */
export async function insideRunnerTemp<T>(directory: string, work: () => Promise<T>): Promise<T> {
  enter(directory);
  try {
    return await work();
  } finally {
    leave();
  }
}

function enter(directory: string): void {
  if (holders === 0) {
    const before = { cwd: process.cwd(), workspace: process.env.GITHUB_WORKSPACE };
    process.chdir(directory);
    process.env.GITHUB_WORKSPACE = directory;
    lent = before;
  }
  holders += 1;
}

function leave(): void {
  holders -= 1;
  if (holders > 0 || !lent) return;
  const before = lent;
  lent = undefined;
  if (before.workspace === undefined) delete process.env.GITHUB_WORKSPACE;
  else process.env.GITHUB_WORKSPACE = before.workspace;
  process.chdir(before.cwd);
}
