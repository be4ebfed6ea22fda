// For whom root works.

/** The user who called sudo; undefined where this is not root, or not through sudo from another user. */
export function invokingUser(env: Readonly<Record<string, string | undefined>>): number | undefined {
  const user = /^[0-9]{1,10}$/.test(env.SUDO_UID ?? '') ? Number(env.SUDO_UID) : 0;
  return process.geteuid?.() === 0 && user > 0 ? user : undefined;
}
