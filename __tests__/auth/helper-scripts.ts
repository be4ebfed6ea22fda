// Credential helpers as shell scripts in a directory of their own, which write down what they are asked.
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

export interface HelperScripts {
  /** For PATH. */
  readonly directory: string;
  /** `script` finds what it is asked about in $server. */
  add(name: string, script: string): void;
  /** Every question so far: name of the helper, argument, server. */
  asked(): readonly string[];
}

export function helperScripts(directory: string): HelperScripts {
  const journal = join(directory, 'journal');
  return {
    directory,
    add(name, script) {
      const text = `#!/bin/sh\nserver=$(cat)\necho "${name} $1 $server" >> '${journal}'\n${script}\n`;
      writeFileSync(join(directory, `docker-credential-${name}`), text, { mode: 0o755 });
    },
    asked: () => (existsSync(journal) ? readFileSync(journal, 'utf8').trimEnd().split('\n') : []),
  };
}

/** A line of a script that answers with a credential. */
export function answerWith(username: string, secret: string): string {
  return `echo '${JSON.stringify({ ServerURL: 'https://x', Username: username, Secret: secret })}'`;
}
