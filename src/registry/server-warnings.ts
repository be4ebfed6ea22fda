// What a registry wants its users to know, in the header made for it.
// https://github.com/opencontainers/distribution-spec/blob/main/spec.md#warnings
import { type HttpAnswer, headerOf, type Send } from '../http/exchange.ts';
import { printable } from '../http/printable.ts';
import type { Tell } from '../http/tell.ts';

/** Of one host in one pull: what comes with every answer is said once, and a registry is no advertiser. */
const MAX_WARNINGS = 3;
const MAX_LENGTH = 300;
/** The specification allows 4096 bytes in all. */
const MAX_HEADER_LENGTH = 4096;
/** Only `299 -` without a date: others are HTTP's own, of caches on the way. */
const WARNING = /(?:^|,)\s*299 - "((?:[^"\\]|\\.)*)"(?=\s*(?:,|$))/g;

/** A Send that tells warnings of the answers, each once. `registry`: as the user knows it. */
export function withServerWarnings(send: Send, registry: string, tell: Tell): Send {
  const told = new Set<string>();
  return async (request) => {
    const answer = await send(request);
    for (const text of warningsOf(answer)) {
      if (told.has(text) || told.size >= MAX_WARNINGS) continue;
      told.add(text);
      tell({ kind: 'warning', message: `${registry} warns: ${text}` });
    }
    return answer;
  };
}

/** Fit to be printed. */
export function warningsOf(answer: Pick<HttpAnswer, 'headers'>): readonly string[] {
  const header = headerOf(answer, 'warning')?.slice(0, MAX_HEADER_LENGTH) ?? '';
  const texts = [...header.matchAll(WARNING)].map(([, text = '']) => text.replace(/\\(.)/g, '$1'));
  return texts.map((text) => printable(text, MAX_LENGTH)).filter((text) => text !== '');
}
