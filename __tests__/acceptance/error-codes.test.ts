// Every error code, provoked through the built command line program: exit status, message, hint, and the place in the documentation.
import { spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { ERROR_CODES, type ErrorCode } from '../../src/errors.ts';
import { asFlags } from '../../src/progress/option-names.ts';
import { writeBadImage } from '../support/bad-images.ts';
import { makeCertificate } from '../support/certificates.ts';
import { type CliRun, runCli, scratch } from '../support/cli.ts';
import { fixtureImage } from '../support/fixture-image.ts';
import { type RegistryOptions, startRegistry } from '../support/registry.ts';
import type { Fault } from '../support/registry-faults.ts';
import { file, tar } from '../support/tar-builder.ts';
import { makeUsers, skipUsers } from '../support/users.ts';

type Place = ReturnType<typeof scratch>;

interface Provocation {
  /** Gets a directory of its own. */
  readonly run: (place: Place) => Promise<CliRun>;
  readonly message: RegExp;
  /** Absent: just that of the code. */
  readonly hint?: RegExp;
  /** Absent: 1. */
  readonly status?: number;
  /** Why it cannot be provoked here. */
  readonly skip?: string | undefined;
}

const image = fixtureImage('v1', 'gzip');

/** Pulls into `rootfs`, knowing nothing of the machine's own configuration. */
function pull(place: Place, name: string, args: readonly string[] = [], env: Record<string, string> = {}) {
  const isTold = args.some((arg) => arg.startsWith('--platform'));
  const common = [...(isTold ? [] : ['--platform=linux/amd64']), '--cache-dir', place.in('cache')];
  const nothing = place.in('nothing.conf');
  writeFileSync(nothing, '');
  const home = { HOME: place.path, XDG_RUNTIME_DIR: place.path, CONTAINERS_REGISTRIES_CONF: nothing };
  return runCli([name, place.in('rootfs'), ...common, ...args], { env: { ...home, ...env } });
}

function served(options: Partial<RegistryOptions>, args: (host: string) => readonly string[] = () => []) {
  return async (place: Place) => {
    await using registry = await startRegistry({
      images: [{ repository: 'fx', layout: image.layout }],
      ...options,
    });
    const [name = `${registry.host}/fx:v1`, ...rest] = args(registry.host);
    return await pull(place, name, rest);
  };
}

function faulty(...faults: Fault[]) {
  return served({ faults });
}

/** What happens before the program's first line, in its main thread or in its others. */
function broken(where: 'main' | 'worker', code: string) {
  return (place: Place) => {
    const script = place.in('preload.mjs');
    const condition = where === 'main' ? 'isMainThread' : '!isMainThread';
    writeFileSync(
      script,
      `import { isMainThread } from 'node:worker_threads';\nif (${condition}) { ${code} }`,
    );
    return pull(place, writeBadImage(place.in('image'), { layer: tar(file('f')) }), [], {
      NODE_OPTIONS: `--import ${script}`,
    });
  };
}

const isRootOnLinux = process.platform === 'linux' && process.geteuid?.() === 0;

/** Pulls to a file system of 64 KiB. */
async function pullToSmallDisk(place: Place): Promise<CliRun> {
  const disk = place.in('disk');
  mkdirSync(disk);
  spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=64k', 'none', disk]);
  try {
    const name = writeBadImage(place.in('image'), { layer: tar(file('f', 'x'.repeat(200_000))) });
    return await runCli([name, join(disk, 'rootfs'), '--cache-dir', place.in('cache')]);
  } finally {
    spawnSync('umount', [disk]);
  }
}

async function interrupt(): Promise<CliRun> {
  await using registry = await startRegistry({
    images: [{ repository: 'fx', layout: image.layout }],
    faults: [{ kind: 'silence', on: '/manifests/' }],
  });
  using place = scratch();
  const running = runCli([`${registry.host}/fx:v1`, place.in('rootfs'), '--cache-dir', place.in('cache')], {
    interrupt: () => registry.requests.length > 0,
  });
  return await running;
}

const PROVOCATIONS: Readonly<Record<ErrorCode, Provocation>> = {
  INPUT_INVALID: {
    run: (place) => pull(place, 'app', ['--platform', '/']),
    hint: /os\/architecture/,
    message: /platform/,
    status: 2,
  },
  REFERENCE_INVALID: {
    run: (place) => pull(place, 'a/UPPER'),
    hint: /a\/upper/,
    message: /a\/UPPER/,
    status: 2,
  },
  CONFIG_INVALID: {
    run: (place) => pull(place, 'registry.test/app', ['--ca-file', place.in('absent.pem')]),
    message: /absent\.pem/,
  },
  IMAGE_BLOCKED: {
    run: (place) => {
      const path = place.in('registries.conf');
      writeFileSync(path, '[[registry]]\nlocation = "blocked.test"\nblocked = true\n');
      return pull(place, 'blocked.test/app', [], { CONTAINERS_REGISTRIES_CONF: path });
    },
    message: /blocked\.test/,
  },
  DESTINATION_UNSAFE: {
    run: (place) => {
      mkdirSync(place.in('rootfs'));
      writeFileSync(join(place.in('rootfs'), 'precious'), '');
      return pull(place, 'registry.test/app');
    },
    hint: /choose another destination/,
    message: /rootfs/,
  },
  ROOT_REQUIRED: {
    run: async () => {
      using users = makeUsers();
      const root = join(users.plain.directory(), 'rootfs');
      return await users.plain.run('registry.test/app', root, '--ownership=preserve', '--cache-mode=none');
    },
    message: /sudo|root/,
    skip: skipUsers(),
  },
  UNAUTHORIZED: {
    run: served({ auth: { kind: 'basic', username: 'me', password: 'open-sesame-4711' } }),
    hint: /No credential was sent/,
    message: /fx/,
  },
  NOT_FOUND: { run: served({}, (host) => [`${host}/fx:v9`]), message: /v9/, hint: /No credential was sent/ },
  RATE_LIMITED: {
    run: faulty({ kind: 'status', status: 429, headers: { 'retry-after': '7200' }, on: '/manifests/' }),
    message: /429|7200|too many/i,
  },
  REGISTRY_UNAVAILABLE: {
    run: (place) => pull(place, '127.0.0.1:1/app'),
    message: /127\.0\.0\.1:1/,
  },
  TLS_FAILED: {
    run: async (place) => {
      const tls = makeCertificate({ name: 'nobody', names: 'IP:127.0.0.1' });
      await using registry = await startRegistry({ images: [], tls });
      const directory = join(place.in('hosts'), registry.host);
      mkdirSync(directory, { recursive: true });
      writeFileSync(join(directory, 'hosts.toml'), `server = "https://${registry.host}"\n`);
      return await pull(place, `${registry.host}/fx:v1`, ['--hosts-dir', place.in('hosts')]);
    },
    message: /certificate/,
    hint: /ca-file/,
  },
  RESPONSE_INVALID: {
    run: faulty({ kind: 'header', name: 'content-encoding', value: 'gzip', on: '/blobs/' }),
    message: /content-encoding/,
  },
  LAYOUT_INVALID: {
    run: (place) => pull(place, `oci:${place.in('absent')}`),
    hint: /Check the path/,
    message: /absent/,
  },
  PLATFORM_NOT_FOUND: {
    run: served({}, (host) => [`${host}/fx:v1`, '--platform=linux/s390x']),
    hint: /linux\/amd64/,
    message: /s390x/,
  },
  MEDIA_TYPE_UNSUPPORTED: {
    run: (place) => {
      const mediaType = 'application/vnd.in-toto+json';
      return pull(place, writeBadImage(place.in('image'), { mediaType }));
    },
    hint: /name the image itself/,
    message: /in-toto/,
  },
  MANIFEST_INVALID: {
    run: (place) => pull(place, writeBadImage(place.in('image'), { manifest: { layers: 'none' } })),
    message: /layers/,
  },
  DIGEST_MISMATCH: {
    run: faulty({ kind: 'corrupt', offset: 20, on: image.config.digest }),
    message: /sha256:/,
  },
  SIZE_MISMATCH: {
    run: faulty({ kind: 'truncate', size: image.layer.size - 300, on: image.layer.digest }),
    message: new RegExp(image.layer.digest),
  },
  LIMIT_EXCEEDED: {
    run: served({}, (host) => [`${host}/fx:v1`, '--limit=entries=10']),
    hint: /--limit/,
    message: /10/,
  },
  TAR_INVALID: {
    run: (place) => pull(place, writeBadImage(place.in('image'), { layer: Buffer.alloc(1024, 'no tar ') })),
    message: /layer/,
  },
  PATH_UNSAFE: {
    run: (place) => pull(place, writeBadImage(place.in('image'), { layer: tar(file('../evil', 'x')) })),
    message: /\.\.\/evil/,
  },
  UNPACK_FAILED: {
    run: (place) => {
      writeFileSync(place.in('file'), '');
      const name = writeBadImage(place.in('image'), { layer: tar(file('f')) });
      return runCli([name, join(place.in('file'), 'rootfs'), '--cache-dir', place.in('cache')]);
    },
    message: /file/,
  },
  LOAD_FAILED: {
    run: (place) => {
      const name = writeBadImage(place.in('image'), { layer: tar(file('f')) });
      return pull(place, name, ['--load=docker'], { DOCKER_HOST: `unix://${place.in('absent.sock')}` });
    },
    message: /docker|absent\.sock/i,
  },
  DISK_FULL: {
    run: pullToSmallDisk,
    message: /no space/,
    skip: isRootOnLinux ? undefined : 'only root on Linux can make a small disk',
  },
  STORE_FAILED: {
    run: (place) => {
      writeFileSync(place.in('cache'), '');
      // A pull would go on without it.
      return runCli(['cache', 'ls', '--cache-dir', place.in('cache')]);
    },
    message: /cache/,
  },
  WORKER_EXITED: { run: broken('worker', 'process.exit(3)'), message: /worker/ },
  ABORTED: { run: interrupt, message: /cancelled/, status: 130 },
  INTERNAL: {
    run: broken('main', "performance.now = () => { throw new TypeError('broken on purpose') }"),
    message: /broken on purpose/,
    hint: /report/,
  },
};

let page: string;
beforeAll(() => {
  page = readFileSync(join(import.meta.dirname, '../../docs/errors.md'), 'utf8');
});

describe.each(Object.entries(PROVOCATIONS))('%s', (code, { run, message, hint, status = 1, skip }) => {
  it.skipIf(skip)(
    'ends the program with its message, a hint and a way to the documentation',
    async () => {
      using place = scratch();
      const outcome = await run(place);
      expect(outcome.stderr).toMatch(new RegExp(`^code: ${code}$`, 'm'));
      expect(outcome.status).toBe(status);
      expect(outcome.stdout).toBe('');
      const line = (name: string) => new RegExp(`^${name}: (.*)$`, 'm').exec(outcome.stderr)?.[1] ?? '';
      expect(line('error')).toMatch(message);
      if (hint) expect(line('hint')).toMatch(hint);
      else expect(line('hint')).toBe(asFlags(ERROR_CODES[code as ErrorCode].hint));
      const [path, anchor] = line('see').split('#');
      // A copy of the program elsewhere has no documentation beside it.
      expect([join(import.meta.dirname, '../../docs/errors.md'), 'docs/errors.md']).toContain(path);
      const anchors = [...page.matchAll(/^## (.+)$/gm)].map(([, heading = '']) => heading.toLowerCase());
      expect(anchors).toContain(anchor);
    },
    60_000,
  );
});

it('is a list without gaps', () => {
  expect(Object.keys(PROVOCATIONS).sort()).toEqual(Object.keys(ERROR_CODES).sort());
});
