// How many pulls a registry still allows, where it says so with every manifest (Docker Hub does).
// https://docs.docker.com/docker-hub/usage/pulls/#view-pull-rate-and-limit
import { type HttpAnswer, headerOf } from '../http/exchange.ts';

export interface Quota {
  /** Manifests that may still be fetched in this window. */
  readonly remaining: number;
  readonly limit: number;
  /** Length of the window; undefined where the registry does not say. */
  readonly windowSeconds: number | undefined;
}

/** undefined: the answer says nothing, or nothing that makes sense. */
export function parseQuota(answer: Pick<HttpAnswer, 'headers'>): Quota | undefined {
  const remaining = parse(headerOf(answer, 'ratelimit-remaining'));
  const limit = parse(headerOf(answer, 'ratelimit-limit'));
  if (!remaining || !limit) return undefined;
  return {
    remaining: remaining.amount,
    limit: limit.amount,
    windowSeconds: remaining.windowSeconds ?? limit.windowSeconds,
  };
}

/** `100;w=21600` */
function parse(value: string | undefined): { amount: number; windowSeconds: number | undefined } | undefined {
  const [, amount, window] = /^\s*(\d{1,12})\s*(?:;\s*w=(\d{1,9})\b.*)?$/i.exec(value ?? '') ?? [];
  if (amount === undefined) return undefined;
  return { amount: Number(amount), windowSeconds: window === undefined ? undefined : Number(window) };
}
