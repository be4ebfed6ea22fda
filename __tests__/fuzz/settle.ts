// Makes layers of wishes: picks among the paths that exist at that point, and leaves out what cannot be unpacked.

import type { EntryKind, LayerEntry, Region, Stack } from './entry.ts';
import { Model } from './model.ts';
import type { Failure, Trait } from './traits.ts';
import { isAvoided } from './umoci-differences.ts';
import type { NameStyle, StackWish, Target, Where, Wish } from './wish.ts';

const OPAQUE = '.wh..wh..opq';

export interface SettleOptions {
  /** Absolute path of what must not be touched. */
  readonly outside: string;
  /** Whether umoci is to unpack it as well. */
  readonly forUmoci: boolean;
}

export interface Settled extends Stack {
  /** The tree, unless the stack fails. */
  readonly model: Model;
  /** What the last entry fails with. */
  readonly failure: Failure | undefined;
}

export function settle(wish: StackWish, options: SettleOptions): Settled {
  const layers: LayerEntry[][] = [];
  let model = new Model();
  for (const wishes of wish.layers) {
    const layer: LayerEntry[] = [];
    layers.push(layer);
    model.beginLayer();
    for (const each of wishes) {
      const entry = entryOf(each, model, options.outside);
      const next = model.copy();
      const { failure, oddities } = next.apply(entry);
      const traits: Trait[] = failure ? [...oddities, failure] : [...oddities];
      if (failure && !wish.mayFail) continue;
      if (options.forUmoci && isAvoided(entry, traits)) continue;
      layer.push(entry);
      if (failure) return { layers, endings: wish.endings, model, failure };
      model = next;
    }
  }
  return { layers, endings: wish.endings, model, failure: undefined };
}

function entryOf(wish: Wish, model: Model, outside: string): LayerEntry {
  const kind = kindOf(wish);
  const path = pathOf(wish, model);
  // A slash at the end of a name of type NUL makes it a directory.
  const isNulFile = kind === 'file' && wish.encoding.fileType === '\0';
  const style = isNulFile ? { ...wish.style, trail: '' } : wish.style;
  const { regions, size } = contentOf(wish);
  return {
    kind,
    name: wish.where.kind === 'bad' && isPlaced(wish) ? path : styled(path, style),
    link:
      kind === 'symlink'
        ? targetOf(wish.target, path, { model, outside })
        : kind === 'hardlink'
          ? linkOf(wish, model)
          : '',
    mode: wish.mode,
    uid: wish.uid,
    gid: wish.gid,
    mtimeNs: wish.mtimeNs,
    size: kind === 'file' ? size : 0,
    regions: kind === 'file' ? regions : [],
    device: wish.device,
    xattrs: wish.xattrs,
    encoding: wish.encoding,
  };
}

function kindOf({ what, as }: Wish): EntryKind {
  if (what === 'root') return 'directory';
  return what === 'whiteout' || what === 'opaque' ? as : what;
}

function isPlaced({ what }: Wish): boolean {
  return what !== 'root' && what !== 'whiteout' && what !== 'opaque';
}

function pathOf(wish: Wish, model: Model): string {
  if (wish.what === 'root') return '.';
  const { where, markerAt, what } = wish;
  if (isPlaced(wish)) return resolveWhere(where, model);
  const path = markerAt === undefined ? resolveWhere(where, model) : pick(model, markerAt);
  if (what === 'opaque') return path === '' ? OPAQUE : `${path}/${OPAQUE}`;
  return path.replace(/[^/]*$/, (base) => `.wh.${base || 'a'}`);
}

/** Paths that exist are picked with those of links among them, so that entries come to stand behind links. */
function resolveWhere(where: Where, model: Model): string {
  if (where.kind === 'bad') return where.name;
  const existing = where.kind === 'fresh' ? '' : pick(model, where.at, where.kind === 'linkable');
  if (where.kind === 'existing' || where.kind === 'linkable') return existing === '' ? 'a' : existing;
  return [...(existing === '' ? [] : [existing]), ...where.components].join('/');
}

function pick(model: Model, at: number, isLinkable = false): string {
  const all = [...model.inodes.keys()].sort();
  const paths = isLinkable ? all.filter((path) => model.inodes.get(path)?.kind !== 'directory') : all;
  return paths[at % paths.length] ?? '';
}

function linkOf(wish: Wish, model: Model): string {
  return styled(resolveWhere(wish.linkTo, model), { ...wish.linkStyle, trail: '' });
}

function targetOf(target: Target, from: string, context: { model: Model; outside: string }): string {
  if (target.kind === 'text') return target.text;
  if (target.kind === 'outside')
    return target.isAbsolute ? context.outside : `../../../../..${context.outside}`;
  const path = pick(context.model, target.at);
  if (target.style === 'absolute') return `/${path}`;
  const up = '../'.repeat(from.split('/').length - 1);
  if (target.style === 'climbing') return `${up}../../${path}`;
  return `${up}${path}` || '.';
}

function styled(path: string, style: NameStyle): string {
  const written = style.doubled ? path.replaceAll('/', '//') : path;
  return `${style.lead}${style.detour ? 'detour/../' : ''}${written}${style.trail}`;
}

function contentOf({ content }: Wish): { regions: Region[]; size: number } {
  const regions: Region[] = [];
  let at = 0;
  for (const { hole, size, fill } of content) {
    at += hole;
    if (size > 0) regions.push({ offset: at, bytes: Buffer.alloc(size, fill) });
    at += size;
  }
  return { regions, size: at };
}
