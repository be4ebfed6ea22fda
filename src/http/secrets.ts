// Keeps credentials and tokens out of everything that is printed, even when a server sends them back in an error text.

/** Told of secrets before they can reach a log, so that a runner can mask them. */
export type OnSecret = (secret: string) => void;

export interface Secrets {
  /** Announces a secret and removes it from texts from now on. */
  hide(secret: string): void;
  /** Announces the values in a URL's query. They need no removal here: queries are always left out of messages. */
  announceQuery(url: URL): void;
  scrub(text: string): string;
}

/** Tokens and URLs are the server's choice: a mask of a few characters would take the rest of the job's log apart. */
export const MIN_ANNOUNCED_LENGTH = 16;
/** Of values in queries, which are many and short-lived. A mask holds, and costs, until the job ends. */
export const MAX_ANNOUNCED = 200;

const LINE_BREAK = /[\r\n]+/;

export function createSecrets(onSecret: OnSecret | undefined): Secrets {
  const hidden = new Set<string>();
  const announced = new Set<string>();

  let inQueries = 0;

  function announce(secret: string): boolean {
    if (secret.length < MIN_ANNOUNCED_LENGTH || LINE_BREAK.test(secret) || announced.has(secret))
      return false;
    announced.add(secret);
    onSecret?.(secret);
    return true;
  }

  return {
    hide(secret) {
      if (secret === '') return;
      hidden.add(secret);
      // A runner masks each line of a value by itself, however short.
      for (const line of secret.split(LINE_BREAK)) announce(line);
    },
    announceQuery(url) {
      // As written, not decoded: %0A would make lines of any length.
      for (const parameter of url.search.slice(1).split('&'))
        if (inQueries < MAX_ANNOUNCED && announce(parameter.replace(/^[^=]*=?/, ''))) inQueries++;
    },
    scrub(text) {
      let clean = text;
      // A host in a URL, or a header that was compared, is in lower case whatever was sent.
      for (const secret of hidden) clean = clean.replace(new RegExp(RegExp.escape(secret), 'gi'), '***');
      return clean;
    },
  };
}
