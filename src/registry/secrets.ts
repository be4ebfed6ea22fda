// Keeps credentials and tokens out of everything that is printed, even when a registry sends them back in an error text.

/** Told of every secret before it can reach a log, so that a runner can mask it. */
export type OnSecret = (secret: string) => void;

export interface Secrets {
  /** Announces a secret and removes it from texts from now on. */
  hide(secret: string): void;
  /** Announces a secret that needs no removal here: queries of URLs are always left out of messages. */
  announce(secret: string): void;
  scrub(text: string): string;
}

export function createSecrets(onSecret: OnSecret | undefined): Secrets {
  const hidden = new Set<string>();
  return {
    hide(secret) {
      if (secret === '' || hidden.has(secret)) return;
      hidden.add(secret);
      onSecret?.(secret);
    },
    announce(secret) {
      if (secret !== '') onSecret?.(secret);
    },
    scrub(text) {
      let clean = text;
      for (const secret of hidden) clean = clean.replaceAll(secret, '***');
      return clean;
    },
  };
}
