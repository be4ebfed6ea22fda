// No password, token or signature stands in anything that a run writes, at debug level, whether it works or fails.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ActionJob } from '../support/action-job.ts';
import { CacheService, SERVICE_LIMITS } from '../support/cache-service.ts';
import { runCli, scratch } from '../support/cli.ts';
import { fixtureImage } from '../support/fixture-image.ts';
import { startRegistry, type TestRegistry } from '../support/registry.ts';
import type { Fault } from '../support/registry-faults.ts';

const script = join(import.meta.dirname, '../../dist/index.js');
const USERNAME = 'me';
const PASSWORD = 'open/sesame+4711=%20';
const JOB_TOKEN = 'ghs_0123456789abcdefghijABCDEFGHIJ012345';
const image = fixtureImage();

let registry: TestRegistry;
let service: CacheService;
beforeEach(async () => {
  registry = await startRegistry({
    images: [{ repository: 'app', layout: image.layout }],
    auth: { kind: 'bearer', username: USERNAME, password: PASSWORD },
    blobs: 'redirect',
  });
  service = await CacheService.start(SERVICE_LIMITS);
});
afterEach(async () => {
  await registry.close();
  await service.close();
});

/** All that was secret in this run: given, or made by the servers on the way. */
function secrets(env: Readonly<Record<string, string>>): string[] {
  const basic = Buffer.from(`${USERNAME}:${PASSWORD}`).toString('base64');
  const sent = registry.requests.flatMap(({ headers, path }) => [
    headers.authorization?.split(' ')[1] ?? '',
    new URL(path, 'http://x').searchParams.get('signature') ?? '',
  ]);
  const given = [PASSWORD, encodeURIComponent(PASSWORD), basic, JOB_TOKEN, env.ACTIONS_RUNTIME_TOKEN ?? ''];
  return [...new Set([...given, ...sent])].filter((secret) => secret.length > 0);
}

/** By place. Lines that tell the runner what to mask are for it alone. */
function checkTexts(texts: ReadonlyMap<string, string>, wanted: readonly string[]): void {
  for (const [place, text] of texts) {
    const shown = text.replaceAll(/^::add-mask::.*$/gm, '');
    for (const secret of wanted) expect(shown.includes(secret), `${secret} in ${place}`).toBe(false);
    expect(shown, place).not.toMatch(/[?&](?:sig|signature|se|token)=/);
    expect(shown, place).not.toMatch(/\b(?:Bearer|Basic) [\w+/=.-]{8}/);
  }
}

/** Every file below, as latin1, so that bytes are found as well. */
function filesBelow(directory: string): Map<string, string> {
  const files = readdirSync(directory, { recursive: true, withFileTypes: true }).filter((entry) =>
    entry.isFile(),
  );
  return new Map(
    files.map((entry) => {
      const path = join(entry.parentPath, entry.name);
      return [path, readFileSync(path, 'latin1')];
    }),
  );
}

const LAYER = image.layer.digest;
const FAULTS: readonly [string, readonly Fault[]][] = [
  ['works', []],
  [
    'is refused by a registry that repeats the password',
    [
      {
        kind: 'status',
        status: 403,
        body: `{"errors":[{"code":"DENIED","message":"no: ${PASSWORD}"}]}`,
        on: '/token',
      },
    ],
  ],
  ['meets a storage that refuses', [{ kind: 'status', status: 403, on: `/storage/${LAYER}` }]],
  [
    'meets a storage that is down',
    [{ kind: 'status', status: 503, headers: { 'retry-after': '3600' }, on: '/storage/' }],
  ],
  ['meets a storage that sends other bytes', [{ kind: 'corrupt', offset: 500_000, on: `/storage/${LAYER}` }]],
];

describe.each(FAULTS)('the action, when a pull %s', (_, faults) => {
  it('writes no secret anywhere', async () => {
    registry.faults.add(...faults);
    const env = { ...service.environment(), RUNNER_DEBUG: '1' };
    await using job = await ActionJob.start({
      script,
      inputs: {
        image: `${registry.host}/app:v1`,
        platform: 'linux/amd64',
        username: USERNAME,
        password: PASSWORD,
        'github-token': JOB_TOKEN,
        'cache-mode': 'write',
        'cache-min-size': '0',
      },
      env,
    });
    const main = await job.run('main');
    const post = await job.run('post');
    expect(main.code).toBe(faults.length === 0 ? 0 : 1);
    expect(main.log).toMatch(/^::debug::GET http:\/\/127\.0\.0\.1:\d+\/v2\//m);
    const known = secrets(env);
    expect(known.length).toBeGreaterThanOrEqual(5);
    const entries = [...service.entries.finalized()].map(
      ({ id, key }) => [`cache entry ${key}`, service.blobs.get(id)?.toString('latin1') ?? ''] as const,
    );
    expect(entries.length > 0).toBe(faults.length === 0);
    const texts = new Map([...filesBelow(job.root), ...entries]);
    checkTexts(texts.set('main', main.log).set('post', post.log), known);
  }, 120_000);
});

describe.each(FAULTS)('the command line, when a pull %s', (_, faults) => {
  it.each([
    [
      'pull',
      (name: string, place: string) => [name, join(place, 'rootfs'), '--cache-dir', join(place, 'cache')],
    ],
    ['inspect', (name: string) => ['inspect', name]],
    ['diff', (name: string) => ['diff', name, name.replace('v1', 'v2')]],
  ] as const)(
    '%s writes no secret anywhere',
    async (_command, args) => {
      registry.faults.add(...faults);
      using dir = scratch();
      const all = [
        ...args(`${registry.host}/app:v1`, dir.path),
        '--platform=linux/amd64',
        '--username',
        USERNAME,
      ];
      const env = { OCI_PULL_DEBUG: '1', HOME: dir.path, TMPDIR: dir.path };
      const run = await runCli([...all, '--password-stdin'], { input: PASSWORD, env });
      expect(run.stderr).toMatch(/^debug: GET http:\/\/127\.0\.0\.1:\d+\/v2\//m);
      const texts = filesBelow(dir.path);
      checkTexts(texts.set('stdout', run.stdout).set('stderr', run.stderr), secrets({}));
    },
    120_000,
  );
});
