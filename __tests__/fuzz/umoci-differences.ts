// Where umoci 0.4.7, the peer of the fuzzers, deliberately differs. Everything that is not named here must agree.
import { posix } from 'node:path';
import { decodeName, type TreeRecord } from '../support/tree.ts';
import type { LayerEntry, Stack } from './entry.ts';
import { expectedRecords } from './expected.ts';
import type { Model } from './model.ts';
import type { TimeLoss, Trait } from './traits.ts';

interface Difference {
  /** What umoci does, and why it is not done here. */
  readonly reason: string;
}

/** Traits of the model that no stack for umoci has: its generator leaves such entries out. */
export const AVOIDED_TRAITS: Readonly<Partial<Record<Trait, Difference>>> = {
  'empty name': { reason: 'takes it for the root; it is no name' },
  'leaves the root': { reason: 'stops at the root; a name that leads out is an attack, and refused here' },
  'whiteout of nothing': {
    reason: 'removes the directory, or with `.wh...` the one above: never to be run outside of a sandbox',
  },
  'parent is no directory': { reason: 'fails; later versions put a directory there, as here' },
  'parent made below a set-group-id directory': {
    reason: 'lets the new directory inherit group and bit, so that the tree depends on the order of entries',
  },
  'hard link to itself': { reason: 'removes the name, then fails to link to it' },
  'aufs metadata': { reason: 'takes `.wh..wh.x` for the whiteout of `.wh.x`' },
  'whiteout of a name that cannot be': {
    reason: 'fails; nothing of that name can be there, so nothing is to do',
  },
  'attribute of another kind': { reason: 'sets attributes of any kind, except a few' },
  'attribute on what takes none': { reason: 'fails' },
};

interface EncodingDifference extends Difference {
  readonly name: string;
  has(entry: LayerEntry): boolean;
}

/** Forms of writing that Go's archive/tar, or what umoci makes of it, does not take. */
export const AVOIDED_ENCODINGS: readonly EncodingDifference[] = [
  { name: 'global header', reason: 'fails on global pax headers', has: ({ encoding }) => encoding.global },
  {
    name: 'contiguous file',
    reason: 'knows no such type',
    has: ({ kind, encoding }) => kind === 'file' && encoding.fileType === '7',
  },
  {
    name: 'old sparse type',
    reason: 'refuses it',
    has: ({ kind, encoding }) => kind === 'file' && encoding.sparse === 'old',
  },
];

/** Times of directories that umoci lets change, because it restores those of the entry's own parent only. */
export const LOST_TIMES: Readonly<Record<TimeLoss, Difference>> = {
  'parent made in it': {
    reason: 'making a parent that has no entry changes the time of the directory above',
  },
  'whiteout below it': { reason: 'what a whiteout removes below a directory that stays changes its time' },
};

/** What umoci keeps of directories that a whiteout took away and that the layer needs all the same. */
export const RENEWED: Difference = {
  reason:
    'gives them what lower layers said, or nothing, depending on the order of entries; here always nothing',
};

export function isAvoided(entry: LayerEntry, traits: Iterable<Trait>): boolean {
  for (const trait of traits) if (AVOIDED_TRAITS[trait]) return true;
  return AVOIDED_ENCODINGS.some((each) => each.has(entry));
}

/** What umoci is to make of a stack: the model's tree with the differences that cannot be avoided. */
export function expectedOfUmoci(model: Model): TreeRecord[] {
  const inodes = RENEWED ? new Map([...model.inodes, ...model.renewed]) : model.inodes;
  const lossy = new Set<string>();
  for (const [path, losses] of model.timeLosses)
    if ([...losses].some((loss) => LOST_TIMES[loss])) lossy.add(decodeName(Buffer.from(path, 'latin1')));
  return expectedRecords({ inodes }, 'preserve').map((record) => {
    if (record.type !== 'dir' || !lossy.has(record.path)) return record;
    const { mtimeNs: _, ...rest } = record;
    return rest;
  });
}

/** A last line of defence: `.wh...` makes umoci delete the directory above its target. */
export function refuseDangerous({ layers }: Stack): void {
  for (const { name } of layers.flat())
    if (/^\.wh\.\.{0,2}$/.test(posix.basename(posix.normalize(name))))
      throw new Error(`not for umoci: ${JSON.stringify(name)}`);
}
