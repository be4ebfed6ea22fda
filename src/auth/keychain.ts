// All ways to have logged in, as one Keychain: the inputs, the file that the user names, then what login steps have left on
// this machine. No network but what credential helpers do.

import { nearMisses } from './advice.ts';
import { secretsOf } from './announce.ts';
import { type AuthConfig, readEntry } from './auth-config.ts';
import { foundFiles, type Machine, namedFile, readAuthFile, readVariable } from './auth-sources.ts';
import type { Credential, Keychain } from './credential.ts';
import { createHelperDesk, type HelperDesk } from './helper-desk.ts';
import { checkLogin, type Login } from './login.ts';
import { canonicalRegistry, keysOf } from './registry-key.ts';

export interface KeychainSettings extends Machine {
  /** The image's own: the login is for this one, and for no mirror. */
  readonly registry: string;
  readonly login?: Login | undefined;
  /** Absolute path of a file that is asked before those of this machine. */
  readonly authFile?: string | undefined;
  readonly platform: NodeJS.Platform;
  /** Told every secret before it is handed out. */
  readonly onSecret?: ((secret: string) => void) | undefined;
  /** What the user should know: a file that may not be read, a helper that failed. One line each, without secrets. */
  readonly note: (message: string) => void;
  /** Ends a helper that runs. */
  readonly signal?: AbortSignal | undefined;
}

export interface Logins {
  readonly keychain: Keychain;
  /** Reads the file of `authFile`, if there is one. Throws CONFIG_INVALID where it cannot be used, whoever asks for a login or not. */
  check(): Promise<void>;
  /**
   * Why a registry was given no credential, as far as can be told: sentences without secrets, to be put behind one another;
   * undefined: there is nothing to say. Never throws.
   */
  advice(registry: string): Promise<string | undefined>;
}

/**
 * For one pull. Files are read when they are first needed, and once; a helper is asked once about a registry.
 *
 * The login given by inputs comes first, then the file that the user names, by itself. Of what is found on this machine all is
 * taken together: the most specific key wins (`registry/namespace/repository` before `registry/namespace` before
 * `registry`), and among equal keys the source that comes first: $DOCKER_AUTH_CONFIG, the files of containers/image,
 * Docker's. Within one file a helper comes before what the file holds itself, as with Docker.
 *
 * A helper that is absent or fails is noted and passed over: a public image needs none.
 *
 * Throws INPUT_INVALID for half a login. The Keychain throws CONFIG_INVALID for a file that cannot be used, ABORTED.
 */
export function openLogins(settings: KeychainSettings): Logins {
  const inputs = inputKeychain(settings.registry, settings.login ?? {});
  const helpers = createHelperDesk(settings);
  const named = once(() => readNamed(settings));
  const sources = [named, once(() => readFound(settings))];

  const keychain: Keychain = async (registry, repository) => {
    const given = await inputs(registry, repository);
    if (given) return announced(given, settings.onSecret);
    const keys = keysOf(registry, repository);
    for (const source of sources) {
      const credential = await searchConfigs(await source(), keys, helpers);
      if (credential) return announced(credential, settings.onSecret);
    }
    return undefined;
  };

  async function advice(asked: string): Promise<string | undefined> {
    const registry = canonicalRegistry(asked);
    if (registry === undefined) return undefined;
    const configs = (await Promise.all(sources.map((read) => read()))).flat();
    const failed = helpers.failures(registry).map((fact) => `${fact}.`);
    const near = nearMisses(configs, registry);
    const kept = near.length === 0 ? [] : [`There is no login for ${registry}, but ${near.join('; ')}.`];
    return [...failed, ...kept].join(' ') || undefined;
  }

  const check = async () => {
    if (settings.authFile !== undefined) await named();
  };
  return { keychain, check, advice: (registry) => advice(registry).catch(() => undefined) };
}

/** The Keychain of openLogins. */
export function createKeychain(settings: KeychainSettings): Keychain {
  return openLogins(settings).keychain;
}

/** User name and password, for the one registry they were given for. Throws INPUT_INVALID for half a pair. */
export function inputKeychain(registry: string, login: Login): Keychain {
  checkLogin(login);
  const { username, password } = login;
  const own = canonicalRegistry(registry);
  return async (asked) =>
    username && password && own !== undefined && canonicalRegistry(asked) === own
      ? { kind: 'password', username, password, source: '`username` and `password`' }
      : undefined;
}

async function readNamed({ authFile, env, note }: KeychainSettings): Promise<readonly AuthConfig[]> {
  const file = namedFile(authFile, env);
  const config = file && (await readAuthFile(file, note));
  return config ? [config] : [];
}

async function readFound(settings: KeychainSettings): Promise<readonly AuthConfig[]> {
  const configs = [readVariable(settings.env)];
  for (const file of foundFiles(settings)) configs.push(await readAuthFile(file, settings.note));
  return configs.filter((config) => config !== undefined);
}

/** `keys` as of keysOf: the last is the registry itself, and the only one that helpers know. */
async function searchConfigs(
  configs: readonly AuthConfig[],
  keys: readonly string[],
  helpers: HelperDesk,
): Promise<Credential | undefined> {
  for (const key of keys) {
    for (const config of configs) {
      const kept = key === keys.at(-1) ? await helpers.ask(config, key) : undefined;
      const credential = kept ?? searchEntries(config, key);
      if (credential) return credential;
    }
  }
  return undefined;
}

function searchEntries({ entries, source }: AuthConfig, key: string): Credential | undefined {
  for (const entry of entries.get(key) ?? []) {
    const credential = readEntry(entry, source);
    if (credential) return credential;
  }
  return undefined;
}

function announced(credential: Credential, onSecret: KeychainSettings['onSecret']): Credential {
  for (const secret of secretsOf(credential)) onSecret?.(secret);
  return credential;
}

function once<Value>(make: () => Promise<Value>): () => Promise<Value> {
  let value: Promise<Value> | undefined;
  return () => {
    value ??= make();
    return value;
  };
}
