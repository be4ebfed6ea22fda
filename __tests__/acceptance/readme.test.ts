// What a newcomer does: copies the commands and the steps out of the README. They run here as they stand, in a clean tree; names of
// registries lead to a server on this machine.
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parseActionMetadata } from '../../scripts/docs/action-metadata.ts';
import { ActionJob } from '../support/action-job.ts';
import { makeCertificate } from '../support/certificates.ts';
import { hostLayer } from '../support/host-image.ts';
import { jobExamples, type Step, shellExamples } from '../support/readme.ts';
import { startRegistry, type TestRegistry } from '../support/registry.ts';
import { writeLayout } from '../support/write-layout.ts';

const ROOT = join(import.meta.dirname, '../..');
/** Commands that need more than a shell and this repository, and why they are not run. */
const FOREIGN = /^(?:podman push|skopeo copy|docker (?:run|buildx)|sudo apt-get)\b/;
const IMAGES: Readonly<Record<string, readonly string[]>> = {
  'library/debian': ['12-slim'],
  'library/alpine': ['3.22'],
  'team/app': ['1.4', '1.5'],
  app: ['1.4', '1.5'],
  'build/everything': ['2026'],
  'my-org/my-app': ['1.4'],
};
const canRun = process.platform === 'linux' && process.geteuid?.() === 0;

let base: string;
let clone: string;
let registry: TestRegistry;
let env: Record<string, string>;

beforeAll(async () => {
  base = mkdtempSync(join(tmpdir(), 'newcomer-'));
  clone = join(base, 'clone');
  const files = execFileSync('git', ['ls-files', '-z', '*.md', 'dist', 'action.yml', 'package.json'], {
    cwd: ROOT,
  });
  for (const name of files.toString().split('\0').filter(Boolean))
    cpSync(join(ROOT, name), join(clone, name));
  registry = await startRegistry({ images: writeImages() });
  const conf = join(base, 'registries.conf');
  const hosts = ['docker.io', 'registry.example.com', 'registry.example.com:5000', 'ghcr.io'];
  const entries = hosts.map(
    (prefix) => `[[registry]]\nprefix = "${prefix}"\nlocation = "${registry.host}"\ninsecure = true\n`,
  );
  writeFileSync(conf, entries.join('\n'));
  env = { CONTAINERS_REGISTRIES_CONF: conf, HOME: base, XDG_RUNTIME_DIR: base, TOKEN: 'token' };
  writeMachine();
}, 60_000);
afterAll(async () => {
  await registry.close();
  rmSync(base, { recursive: true, force: true });
});

function writeImages(): { repository: string; layout: string }[] {
  const programs = canRun ? ['/bin/cat', '/bin/sh', '/usr/bin/id'] : [];
  return Object.entries(IMAGES).flatMap(([repository, tags]) =>
    tags.map((tag) => {
      const layout = join(base, 'layouts', repository, tag);
      const layer = hostLayer(programs, {
        'etc/os-release': `NAME="${repository} ${tag}"\n`,
        'etc/passwd': 'root:x:0:0::/:/bin/sh\nnobody:x:65534:65534::/:/bin/sh\n',
        'usr/lib/jvm/java-21/release': 'JAVA_VERSION="21"\n',
      });
      writeLayout(layout, tag, [layer], process.arch === 'x64' ? 'amd64' : process.arch);
      return { repository, layout };
    }),
  );
}

/** What the recipes find on the machine: certificates, credentials, images. */
function writeMachine(): void {
  for (const name of ['ci', 'images']) mkdirSync(join(base, name));
  writeFileSync(join(base, 'ci/ca.pem'), makeCertificate({ name: 'authority' }).cert);
  writeFileSync(join(base, 'ci/auth.json'), '{"auths":{}}');
  const keep = (format: string, file: string, image: string) => {
    const args = [
      join(ROOT, 'dist/cli.js'),
      `${registry.host}/${image}`,
      join(base, 'images', file),
      '--format',
      format,
    ];
    return spawnOk(process.execPath, [...args, '--cache-mode', 'none']);
  };
  pending = Promise.all([
    keep('docker-archive', 'base.tar', 'library/debian:12-slim'),
    keep('oci-layout', 'app-1.3', 'team/app:1.4'),
    keep('oci-archive', 'tools.tar', 'app:1.5'),
  ]);
}
let pending: Promise<unknown>;

function spawnOk(
  command: string,
  args: readonly string[],
  options: { cwd?: string; env?: Record<string, string> } = {},
) {
  return new Promise<string>((resolve, reject) => {
    const child = spawn(command, args, { ...options, env: { ...process.env, ...env, ...options.env } });
    let output = '';
    for (const stream of [child.stdout, child.stderr])
      stream.on('data', (text) => {
        output += text;
      });
    child.on('error', reject);
    child.on('close', (status) =>
      status === 0
        ? resolve(output)
        : reject(new Error(`${command} ${args.join(' ')}: ${status}\n${output}`)),
    );
  });
}

const runnable = shellExamples.filter(({ text }) => !FOREIGN.test(text));

describe('commands', () => {
  it('are there', () => expect(runnable.length).toBeGreaterThanOrEqual(3));

  it.each(runnable)(
    'in line $line work as they stand',
    async ({ text }) => {
      await pending;
      const output = await spawnOk('bash', ['-euo', 'pipefail', '-c', text], { cwd: clone });
      expect(output).not.toBe('');
    },
    60_000,
  );
});

const inputs = new Set(
  parseActionMetadata(readFileSync(join(ROOT, 'action.yml'), 'utf8')).inputs.map(({ name }) => name),
);
const uses = jobExamples.filter(({ steps }) => steps.some((step) => isOurs(step)));

function isOurs({ uses: action = '' }: Step): boolean {
  return action.startsWith('OWNER/oci-pull-action@');
}

const EXPRESSIONS: Readonly<Record<string, string>> = {
  'matrix.platform': `linux/${process.arch === 'x64' ? 'amd64' : process.arch}`,
  'vars.REGISTRY_USER': 'me',
  'secrets.REGISTRY_TOKEN': 'a-token-of-this-test',
};

/** What the runner would put in place of expressions, and this machine has elsewhere. */
function fillIn(text: string, outputs: Readonly<Record<string, string>> = {}): string {
  return text
    .replace(/\$\{\{ steps\.\w+\.outputs\.([\w-]+) \}\}/g, (_, name: string) => outputs[name] ?? '')
    .replace(/\$\{\{ ([\w.]+) \}\}/g, (_, name: string) => EXPRESSIONS[name] ?? '')
    .replaceAll('/etc/ci/', `${base}/ci/`)
    .replaceAll('/opt/images/', `${base}/images/`);
}

describe('steps', () => {
  it('are there', () => expect(uses.length).toBeGreaterThan(8));

  it.each(uses)('in line $line name inputs that there are', ({ steps }) => {
    for (const step of steps.filter(isOurs))
      for (const name of Object.keys(step.with ?? {})) expect(inputs).toContain(name);
  });

  const needsNoEngine = uses.filter(({ steps }) => !steps.some((step) => step.with?.load));
  it.skipIf(!canRun).each(needsNoEngine)(
    'in line $line do what they should',
    async ({ steps }) => {
      await pending;
      let outputs: Record<string, string> = {};
      for (const step of steps) {
        if (isOurs(step)) outputs = await useAction(step);
        else if (step.run !== undefined && !isForeign(step.run)) await runStep(step, outputs);
      }
      expect(outputs.digest).toMatch(/^sha256:/);
    },
    120_000,
  );
});

function isForeign(run: string): boolean {
  const tool = /^(?:sudo )?(\S+)/.exec(run)?.[1] ?? '';
  const isMissing = ['bwrap', 'jq', 'sudo'].includes(tool) && spawnSync('which', [tool]).status !== 0;
  return FOREIGN.test(run) || isMissing;
}

async function useAction(step: Step): Promise<Record<string, string>> {
  const given = Object.entries(step.with ?? {}).map(
    ([name, value]) => [name, fillIn(String(value))] as const,
  );
  const job = await ActionJob.start({
    script: join(clone, 'dist/index.js'),
    inputs: Object.fromEntries(given),
    env,
  });
  jobs.push(job);
  const main = await job.run('main');
  expect(main.code, main.log).toBe(0);
  return await job.outputs();
}
const jobs: ActionJob[] = [];
afterAll(async () => {
  for (const job of jobs) await job[Symbol.asyncDispose]();
});

async function runStep({ run = '', env: own = {} }: Step, outputs: Record<string, string>): Promise<void> {
  const job = jobs.at(-1);
  const workspace = job ? join(job.root, 'work') : base;
  const filled = Object.fromEntries(
    Object.entries(own).map(([name, value]) => [name, fillIn(value, outputs)]),
  );
  const runner = { GITHUB_WORKSPACE: workspace, GITHUB_ENV: join(base, 'env') };
  await spawnOk('bash', ['-e', '-c', run], { cwd: workspace, env: { ...filled, ...runner } });
  expect(existsSync(workspace)).toBe(true);
}
