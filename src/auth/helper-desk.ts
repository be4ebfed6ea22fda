// Credential helpers as the files of logins name them: which one to ask about a registry, and by which name.
import { PullError } from '../errors.ts';
import { type AuthConfig, toCredential } from './auth-config.ts';
import type { Credential } from './credential.ts';
import {
  askHelper,
  type HelperAnswer,
  type HelperSettings,
  helperProgram,
  isHelperName,
} from './credential-helper.ts';
import { helperServer } from './registry-key.ts';

interface HelperDeskSettings extends HelperSettings {
  readonly note: (message: string) => void;
}

export interface HelperDesk {
  /** The credential that the helper which a file names for a canonical registry has; undefined: no helper, or it has none. */
  ask(config: AuthConfig, registry: string): Promise<Credential | undefined>;
  /** What went wrong with helpers that were asked about a canonical registry. */
  failures(registry: string): readonly string[];
}

/** Asks every helper once about a registry, and says once what is wrong with it. */
export function createHelperDesk(settings: HelperDeskSettings): HelperDesk {
  const answers = new Map<string, Promise<HelperAnswer>>();

  const failures = new Map<string, Set<string>>();

  function noteOnce(registry: string, fact: string): void {
    const noted = failures.get(registry) ?? new Set();
    failures.set(registry, noted);
    if (!noted.has(fact)) settings.note(`${fact}; going on without it`);
    noted.add(fact);
  }

  function askOnce(name: string, server: string): Promise<HelperAnswer> {
    const question = `${name} ${server}`;
    const answer = answers.get(question) ?? askHelper(name, server, settings);
    answers.set(question, answer);
    return answer;
  }

  return {
    async ask(config, registry) {
      const { source } = config;
      const name = config.helpers.get(registry)?.name ?? config.store;
      if (!name) return undefined;
      if (!isHelperName(name)) throw badHelperName(source);
      for (const server of serversOf(config, registry)) {
        const answer = await askOnce(name, server);
        if (answer.kind === 'found')
          return toCredential(answer.username, answer.secret, `${helperProgram(name)}, named in ${source}`);
        if (answer.kind === 'none') continue;
        noteOnce(registry, `${helperProgram(name)}, named in ${source} for ${registry}, ${answer.why}`);
        return undefined;
      }
      return undefined;
    },
    failures: (registry) => [...(failures.get(registry) ?? [])],
  };
}

/** What to ask about: the name that Docker uses, then what stands in the file, as older tools took it to the helper as it was. */
function serversOf({ entries, helpers }: AuthConfig, registry: string): ReadonlySet<string> {
  const written = [helpers.get(registry), ...(entries.get(registry) ?? [])];
  return new Set([helperServer(registry), ...written.flatMap((entry) => (entry ? [entry.key] : []))]);
}

function badHelperName(source: string): PullError {
  return new PullError(
    'CONFIG_INVALID',
    `${source}: "credsStore" or "credHelpers" holds no name of a helper`,
    {
      hint: 'A helper is named by what follows "docker-credential-" in the name of its program; nothing was downloaded.',
    },
  );
}
