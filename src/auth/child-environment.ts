type Environment = Readonly<Record<string, string | undefined>>;

/**
 * For programs of others: without the inputs of the action, which the runner hands over as variables, passwords among them.
 * https://docs.github.com/en/actions/reference/workflows-and-actions/metadata-syntax#inputs
 */
export function childEnvironment(env: Environment): Record<string, string | undefined> {
  return Object.fromEntries(Object.entries(env).filter(([name]) => !/^INPUT_/i.test(name)));
}
