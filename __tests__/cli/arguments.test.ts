import { describe, expect, it } from 'vitest';
import { parsePull } from '../../src/cli/arguments.ts';
import { parseCache } from '../../src/cli/cache-arguments.ts';
import { parseSurvey } from '../../src/cli/survey-arguments.ts';

const PLAIN = {
  image: 'alpine',
  destination: 'rootfs',
  platform: undefined,
  format: '',
  load: '',
  ownership: 'auto',
  paths: [],
  verify: 'diff-id',
  limits: [],
  cacheDirectory: undefined,
  cacheDirectoryMaxSize: '20GiB',
  cacheMode: 'write',
  username: undefined,
  passwordStdin: false,
  authFile: undefined,
  mirrors: [],
  hostsDirectory: undefined,
  authorityFile: undefined,
  tlsVerify: true,
  seeds: [],
  concurrency: 8,
  json: false,
  quiet: false,
};

describe('a command line that can be used', () => {
  it.each([
    ['defaults', [], {}],
    ['a platform', ['--platform', 'linux/arm64'], { platform: 'linux/arm64' }],
    ['an ownership', ['--ownership', 'preserve'], { ownership: 'preserve' }],
    ['a format', ['--format', 'tar'], { format: 'tar' }],
    ['an engine', ['--load=docker'], { load: 'docker' }],
    [
      'limits, one at a time',
      ['--limit', 'depth=3', '--limit=entries=5'],
      { limits: ['depth=3', 'entries=5'] },
    ],
    ['globs, one at a time', ['--path', 'etc/**', '--path=!etc/ssl'], { paths: ['etc/**', '!etc/ssl'] }],
    ['another proof', ['--verify=toc'], { verify: 'toc' }],
    ['a cache directory', ['--cache-dir=/c'], { cacheDirectory: '/c' }],
    ['a size of the cache', ['--cache-dir-max-size=5GiB'], { cacheDirectoryMaxSize: '5GiB' }],
    ['reading the cache only', ['--cache-mode', 'read'], { cacheMode: 'read' }],
    ['no cache', ['--cache-mode=none'], { cacheMode: 'none' }],
    ['credentials', ['--username', 'me', '--password-stdin'], { username: 'me', passwordStdin: true }],
    ['a file with credentials', ['--authfile', 'a.json'], { authFile: 'a.json' }],
    [
      'mirrors',
      ['--mirror', 'm.test', '--mirror=docker.io=n.test'],
      { mirrors: ['m.test', 'docker.io=n.test'] },
    ],
    ['a directory of hosts', ['--hosts-dir', 'h'], { hostsDirectory: 'h' }],
    ['an authority', ['--ca-file', 'ca.pem'], { authorityFile: 'ca.pem' }],
    ['seeds', ['--seed', 'oci:a', '--seed', 'oci:b'], { seeds: ['oci:a', 'oci:b'] }],
    ['no TLS verification', ['--tls-verify=false'], { tlsVerify: false }],
    ['explicit TLS verification', ['--tls-verify=true'], { tlsVerify: true }],
    ['the highest concurrency', ['--concurrency', '64'], { concurrency: 64 }],
    ['output switches', ['--json', '--quiet'], { json: true, quiet: true }],
    ['a short switch', ['-q'], { quiet: true }],
  ])('takes %s', (_, options, expected) => {
    expect(parsePull([...options, 'alpine', 'rootfs'])).toEqual({ ...PLAIN, ...expected });
  });

  it('takes options after the positional arguments', () => {
    expect(parsePull(['alpine', 'rootfs', '--json'])).toMatchObject({ json: true });
  });

  it('takes a destination that begins with a dash after --', () => {
    expect(parsePull(['--', 'alpine', '-x'])).toMatchObject({ destination: '-x' });
  });

  it.each([
    [['--help'], 'help'],
    [['-h', 'alpine'], 'help'],
    [['--version'], 'version'],
  ])('answers %j with %s', (argv, kind) => {
    expect(parsePull(argv)).toBe(kind);
  });
});

describe('the command cache', () => {
  const DEFAULTS = { cacheDirectory: undefined, maxSize: '20GiB', removeDamaged: false, json: false };

  it.each([
    ['ls', ['ls'], {}],
    ['ls', ['ls', '-q'], {}],
    ['verify', ['verify', '--remove-damaged'], { removeDamaged: true }],
    [
      'prune',
      ['prune', '--max-size', '0', '--cache-dir=/c', '--json'],
      { maxSize: '0', cacheDirectory: '/c', json: true },
    ],
  ])('takes %s', (action, argv, expected) => {
    expect(parseCache(argv)).toEqual({ ...DEFAULTS, action, ...expected });
  });

  it.each([[['--help']], [['-h']], [['prune', '--help']]])('helps with %j', (argv) => {
    expect(parseCache(argv)).toBe('help');
  });

  it.each([
    ['no action', [], /one of ls, verify, prune/],
    ['more than an action', ['ls', 'rootfs'], /options only/],
    ['options of a pull', ['ls', '--platform=x'], /--platform/],
    ['a size for what removes nothing', ['ls', '--max-size=1'], /cache prune/],
    ['to remove damage without looking for it', ['prune', '--remove-damaged'], /cache verify/],
    ['an empty directory', ['ls', '--cache-dir='], /--cache-dir/],
  ])('refuses %s', (_, argv, message) => {
    expect(() => parseCache(argv)).toThrow(message);
  });
});

describe('a command line that cannot be used', () => {
  it.each([
    ['nothing at all', [], /IMAGE and DESTINATION/],
    ['one argument', ['alpine'], /got 1 argument$/],
    ['three arguments', ['a', 'b', 'c'], /3 arguments/],
    ['an empty destination', ['alpine', ''], /DESTINATION/],
    ['an unknown option', ['alpine', 'rootfs', '--fast'], /--fast/],
    ['an option without its value', ['alpine', 'rootfs', '--platform'], /--platform/],
    ['a value for a switch', ['alpine', 'rootfs', '--json=yes'], /--json/],
    ['an unknown ownership', ['alpine', 'rootfs', '--ownership=me'], /auto, preserve, runner/],
    ['an unknown cache mode', ['alpine', 'rootfs', '--cache-mode', 'rw'], /none, read, write/],
    ['an unknown proof', ['alpine', 'rootfs', '--verify=none'], /diff-id, toc/],
    ['a vague --tls-verify', ['alpine', 'rootfs', '--tls-verify=no'], /true or false/],
    ['no connections', ['alpine', 'rootfs', '--concurrency=0'], /from 1 to 64/],
    ['too many connections', ['alpine', 'rootfs', '--concurrency=65'], /from 1 to 64/],
    ['a concurrency that is no number', ['alpine', 'rootfs', '--concurrency=1e1'], /from 1 to 64/],
    ['an empty cache directory', ['alpine', 'rootfs', '--cache-dir='], /--cache-dir/],
    ['an empty authority', ['alpine', 'rootfs', '--ca-file='], /--ca-file/],
    ['an empty user name', ['alpine', 'rootfs', '--username=', '--password-stdin'], /--username/],
    ['a user name without a password', ['alpine', 'rootfs', '--username', 'me'], /belong together/],
    ['a password without a user name', ['alpine', 'rootfs', '--password-stdin'], /belong together/],
    [
      'two platforms',
      ['alpine', 'rootfs', '--platform=a', '--platform=b'],
      /--platform may be given only once/,
    ],
    ['two formats', ['--format', 'tar', 'alpine', 'rootfs', '--format', 'tar'], /--format may be given only/],
  ])('refuses %s', (_, argv, message) => {
    expect(() => parsePull(argv)).toThrow(message);
  });
});

describe('the commands that look at images', () => {
  it.each([
    ['no image', [], 1, /one image, got none/],
    ['an image too many', ['a', 'b'], 1, /one image, got 2/],
    ['one image where two are compared', ['a'], 2, /two images, got 1 argument$/],
    ['an empty image', ['a', ''], 2, /is empty/],
    ['an empty --from', ['a', '--from='], 1, /--from must not be empty/],
    ['--from where two images are named anyway', ['a', 'b', '--from=c'], 2, /--from is for inspect/],
    ['an empty authority', ['a', '--ca-file='], 1, /--ca-file must not be empty/],
    ['two platforms', ['a', '--platform=a', '--platform=b'], 1, /--platform may be given only once/],
    ['options that only a pull has', ['a', '--format=tar'], 1, /--format/],
  ] as const)('refuse %s', (_, argv, images, message) => {
    expect(() => parseSurvey(argv, images)).toThrow(message);
  });
});
