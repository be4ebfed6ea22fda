// What was left out of the root file system: as a list for programs, and in words.
import { count } from '../progress/figures.ts';
import type { OwnerPolicy } from '../unpack/ownership.ts';
import { SKIP_KINDS, type Skip, type SkipKind, type SkipReport } from '../unpack/skips.ts';

const LIST_VERSION = 1;
/** Named in summaries. */
const MAX_SHOWN = 5;

const NOUNS: Readonly<Record<SkipKind, string>> = {
  device: 'device',
  fifo: 'FIFO',
  xattr: 'extended attribute',
};

/** Of a pull's result. */
export interface SkippedSummary {
  readonly count: number;
  readonly byKind: Readonly<Record<SkipKind, number>>;
  /** The first few, as text: paths may not be what they seem. */
  readonly first: readonly { readonly path: string; readonly reason: string }[];
}

export function summarizeSkips({ count, byKind, named }: SkipReport): SkippedSummary {
  const first = named.slice(0, MAX_SHOWN);
  return {
    count,
    byKind,
    first: first.map(({ path, reason }) => ({ path: `/${decode(path).text}`, reason })),
  };
}

/** `3 devices, 1 extended attribute` */
export function countsInWords({ byKind }: Pick<SkippedSummary, 'byKind'>): string {
  return SKIP_KINDS.filter((kind) => byKind[kind] > 0)
    .map((kind) => count(byKind[kind], NOUNS[kind]))
    .join(', ');
}

/** The list beside the tree; docs/formats.md describes it. undefined where nothing was left out. */
export function renderSkipList(
  report: SkipReport,
  about: { readonly image: string; readonly platform: string; readonly ownership: OwnerPolicy },
): Uint8Array | undefined {
  if (report.count === 0) return undefined;
  const head = { tool: 'oci-pull', version: LIST_VERSION, ...about };
  const list = { ...head, count: report.count, counts: report.byKind, entries: report.named.map(toEntry) };
  return Buffer.from(`${JSON.stringify(list, undefined, 2)}\n`);
}

/** Names are bytes: one that is no UTF-8 is given as such. */
function toEntry({ path, kind, reason }: Skip) {
  const { bytes, isText, text } = decode(path);
  const named = isText ? { path: `/${text}` } : { 'path-base64': slashed(bytes).toString('base64') };
  return { ...named, kind, reason };
}

function slashed(bytes: Buffer): Buffer {
  return Buffer.concat([Buffer.from('/'), bytes]);
}

function decode(raw: string) {
  const bytes = Buffer.from(raw, 'latin1');
  const text = bytes.toString('utf8');
  return { bytes, text, isText: Buffer.from(text).equals(bytes) };
}
