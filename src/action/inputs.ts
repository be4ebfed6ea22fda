// The inputs of action.yml, validated before any work. Their names and defaults stand there; docs are generated from it.
import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import { checkLogin, githubFallback } from '../auth/login.ts';
import { CACHE_BACKENDS, type CacheBackend } from '../cache/choose-backend.ts';
import { CACHE_SCOPES, type CacheScope, DEFAULT_CACHE_KEY_PREFIX, isCacheKeyPrefix } from '../cache/keys.ts';
import { type ImageName, type LocalImage, parseSeed } from '../oci/image-name.ts';
import { choose, parseConcurrency, wrongValue } from '../pull/choice.ts';
import { parseFormat } from '../pull/formats.ts';
import { parseLimits } from '../pull/limits.ts';
import {
  DEFAULT_CONCURRENCY,
  type Engine,
  type Format,
  type NetworkSettings,
  OWNERSHIPS,
  type OwnershipChoice,
  type PullOptions,
  VERIFICATIONS,
  type Verification,
} from '../pull/options.ts';
import { checkPaths } from '../pull/parts.ts';
import { DEFAULT_STORE_SIZE, parseStoreSize } from '../pull/store-size.ts';
import { readSaveSettings, type SaveSettings } from './save-settings.ts';
import { destinationFor, parseTargets, type Target } from './targets.ts';

const CACHE_MODES = ['auto', 'none', 'read', 'write', 'write-only'] as const;
export type RequestedCacheMode = (typeof CACHE_MODES)[number];

export interface InputSource {
  /** The value of an input, trimmed; empty when it was not given. */
  readonly get: (name: string) => string;
  /** Keeps a text out of the log from now on. */
  readonly mask: (secret: string) => void;
  readonly env: Readonly<Record<string, string | undefined>>;
}

export interface ActionInputs {
  /** At least one. Paths and places in them are absolute. */
  readonly targets: readonly Target[];
  /** Absolute; with several targets the directory that holds them all. */
  readonly destination: string;
  readonly seeds: readonly LocalImage[];
  readonly format: Format;
  readonly load: Engine | undefined;
  readonly ownership: OwnershipChoice;
  readonly paths: readonly string[];
  readonly verify: Verification;
  readonly limits: PullOptions['limits'];
  readonly network: NetworkSettings;
  readonly cacheMode: RequestedCacheMode;
  readonly cacheBackend: CacheBackend;
  readonly cacheKeyPrefix: string;
  readonly cacheScope: CacheScope;
  readonly saving: SaveSettings;
  /** Absolute; undefined when none was given. */
  readonly cacheDirectory: string | undefined;
  /** Bytes of a chunk store that outlives the job; undefined: it may grow. */
  readonly cacheDirectoryMaxBytes: number | undefined;
  readonly concurrency: number;
}

/** Masks the secrets, then reads and checks everything. Throws INPUT_INVALID or REFERENCE_INVALID. */
export function readInputs(source: InputSource): ActionInputs {
  const secrets = readSecrets(source);
  const paths = checkPaths(lines(source.get('paths')), 'the input paths');
  const verify = toChoice('verify', source.get('verify') || 'diff-id', VERIFICATIONS);
  const ownership = toChoice('ownership', source.get('ownership') || 'auto', OWNERSHIPS);
  const wishes = { format: source.get('format'), load: source.get('load'), paths, verify, ownership };
  const { format, load } = parseFormat(wishes, (name) => `the input ${name}`);
  return {
    ...readTargets(source, format),
    seeds: lines(source.get('seed')).map((line) => toAbsolute(source, 'seed', parseSeed(line))),
    format,
    load,
    ownership,
    paths,
    verify,
    limits: parseLimits(source.get('limits').split(/\s+/).filter(Boolean), 'the input limits'),
    network: readNetwork(source, secrets),
    cacheMode: toChoice('cache-mode', source.get('cache-mode') || 'auto', CACHE_MODES),
    cacheBackend: toChoice('cache-backend', source.get('cache-backend') || 'auto', CACHE_BACKENDS),
    cacheKeyPrefix: toPrefix(source.get('cache-key-prefix') || DEFAULT_CACHE_KEY_PREFIX),
    cacheScope: toChoice('cache-scope', source.get('cache-scope') || 'image', CACHE_SCOPES),
    saving: readSaveSettings(source.get),
    cacheDirectory: optionalPath(source, 'cache-dir'),
    cacheDirectoryMaxBytes: parseStoreSize(
      source.get('cache-dir-max-size') || DEFAULT_STORE_SIZE,
      'the input cache-dir-max-size',
    ),
    concurrency: parseConcurrency(
      source.get('concurrency') || String(DEFAULT_CONCURRENCY),
      'the input concurrency',
    ),
  };
}

function readTargets(source: InputSource, format: Format): Pick<ActionInputs, 'targets' | 'destination'> {
  const [image, platform] = [source.get('image'), source.get('platform')];
  const targets = parseTargets({ image, platform, format });
  const destination = toPath(
    source,
    'destination',
    source.get('destination') || destinationFor(targets, format),
  );
  const absolute = targets.map((target) => ({
    ...target,
    image: toAbsolute(source, 'image', target.image),
    place: join(destination, target.place),
  }));
  return { targets: absolute, destination };
}

function readSecrets({ get, mask, env }: InputSource) {
  const [username, password, githubToken] = [get('username'), get('password'), get('github-token')];
  const basic = Buffer.from(`${username}:${password}`).toString('base64');
  for (const secret of password === '' ? [githubToken] : [password, basic, githubToken])
    if (secret !== '') mask(secret);
  return { login: { username, password }, githubToken, githubActor: env.GITHUB_ACTOR };
}

function readNetwork(source: InputSource, secrets: ReturnType<typeof readSecrets>): NetworkSettings {
  const { login, githubToken, githubActor } = secrets;
  checkLogin(login);
  const tlsVerify = toBoolean('tls-verify', source.get('tls-verify') || 'true');
  return {
    hosts: {
      tlsVerify,
      mirrors: lines(source.get('mirrors')),
      hostsDirectory: optionalPath(source, 'hosts-dir'),
      authorityFile: optionalPath(source, 'ca-file'),
      env: source.env,
      home: homedir(),
      uid: process.getuid?.(),
    },
    login,
    authFile: optionalPath(source, 'authfile'),
    // The job's token is not risked on a connection that is not verified.
    fallback: tlsVerify ? githubFallback(githubToken, githubActor) : undefined,
    platform: process.platform,
  };
}

function lines(text: string): string[] {
  return text
    .split('\n')
    .map((line) => line.trim())
    .filter(Boolean);
}

function toAbsolute<Name extends ImageName>(source: InputSource, input: string, name: Name): Name {
  return name.kind === 'registry' ? name : { ...name, path: toPath(source, input, name.path) };
}

function optionalPath(source: InputSource, name: string): string | undefined {
  const value = source.get(name);
  return value === '' ? undefined : toPath(source, name, value);
}

/** Relative paths start at the workspace, as they do for every action. */
function toPath({ env }: InputSource, name: string, value: string): string {
  if (value.includes('\0')) throw invalid(name, value, 'a path without NUL characters');
  if (/^~(?:[\\/]|$)/.test(value))
    throw invalid(name, value, 'a path without "~", which only a shell replaces');
  return resolve(env.GITHUB_WORKSPACE || process.cwd(), value);
}

/** The spellings of YAML 1.2, as core.getBooleanInput takes them. */
function toBoolean(name: string, value: string): boolean {
  if (['true', 'True', 'TRUE'].includes(value)) return true;
  if (['false', 'False', 'FALSE'].includes(value)) return false;
  throw invalid(name, value, 'true or false');
}

function toChoice<Choice extends string>(name: string, value: string, choices: readonly Choice[]): Choice {
  return choose(value, choices, `the input ${name}`);
}

function toPrefix(value: string): string {
  if (isCacheKeyPrefix(value)) return value;
  throw invalid(
    'cache-key-prefix',
    value,
    'up to 100 of a-z, 0-9, ".", "_" and "-", with a letter or digit at both ends',
  );
}

function invalid(name: string, value: string, wanted: string) {
  return wrongValue(`the input ${name}`, value, wanted);
}
