// Messages name an option by the input of the action, between backquotes: `tls-verify`. Each door says it in its own words.

/** Names of inputs, and what the command line calls them. */
const FLAGS: Readonly<Record<string, string>> = {
  platform: '--platform',
  ownership: '--ownership',
  limits: '--limit',
  username: '--username',
  password: '--password-stdin',
  authfile: '--authfile',
  mirrors: '--mirror',
  'hosts-dir': '--hosts-dir',
  'ca-file': '--ca-file',
  'tls-verify': '--tls-verify',
  seed: '--seed',
};

/** What else is in backquotes stays as it is. */
function rename(text: string, wordOf: (name: string) => string): string {
  return text.replace(/`([a-z-]+)`/g, (whole, name: string) =>
    Object.hasOwn(FLAGS, name) || name === 'github-token' ? wordOf(name) : whole,
  );
}

export function asInputs(text: string): string {
  return rename(text, (name) => `the input ${name}`);
}

export function asFlags(text: string): string {
  return rename(text, (name) => FLAGS[name] ?? `\`${name}\``);
}
