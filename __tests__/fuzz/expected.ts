// A model's tree as the records that a listing of the disk has, and what the two cannot agree on by nature.
import { createHash } from 'node:crypto';
import type { UnpackOptions } from '../../src/unpack/unpacker.ts';
import { canListXattrs, decodeName, type TreeRecord } from '../support/tree.ts';
import type { Inode, Model } from './model.ts';

type Owner = UnpackOptions['owner'];

const TYPES = {
  directory: 'dir',
  file: 'file',
  symlink: 'link',
  fifo: 'fifo',
  char: 'char',
  block: 'block',
} as const;
const IMPLICIT = { mode: 0o755, uid: 0, gid: 0, mtimeNs: undefined };
/** Node takes times as doubles: 2^33 seconds and a fraction are right to a microsecond. */
const CLOCK_PRECISION_NS = 1_000n;

/** What unpacking must give. Without `preserve`, nothing has a foreign owner, set-id bits or devices, and its owner gets at everything. */
export function expectedRecords({ inodes }: Pick<Model, 'inodes'>, owner: Owner): TreeRecord[] {
  const names = new Map<Inode, string[]>();
  const paths = [...inodes.keys()].sort(byBytes);
  for (const path of paths) {
    const inode = inodes.get(path) as Inode;
    if (inode.kind !== 'directory') names.set(inode, [...(names.get(inode) ?? []), path]);
  }
  return paths.flatMap((path) => {
    const inode = inodes.get(path) as Inode;
    const isDevice = inode.kind === 'char' || inode.kind === 'block';
    if (isDevice && owner !== 'preserve') return [];
    const [first = '', ...others] = names.get(inode) ?? [];
    const hard = others.length > 0 ? { hard: nameOf(first) } : {};
    return [{ ...recordOf(inode, owner), path: nameOf(path), ...hard }];
  });
}

function byBytes(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a, 'latin1'), Buffer.from(b, 'latin1'));
}

function nameOf(latin1: string): string {
  return decodeName(Buffer.from(latin1, 'latin1'));
}

function recordOf(inode: Inode, owner: Owner): TreeRecord {
  const { mode, uid, gid, mtimeNs } = inode.attributes ?? IMPLICIT;
  const record: TreeRecord = { path: '', type: TYPES[inode.kind] };
  if (inode.kind !== 'symlink') record.mode = `0o${modeOf(inode, mode, owner).toString(8)}`;
  if (owner === 'preserve') Object.assign(record, { uid, gid });
  if (mtimeNs !== undefined) record.mtimeNs = mtimeNs;
  if (inode.kind === 'symlink') record.target = nameOf(inode.target);
  if (inode.kind === 'char' || inode.kind === 'block') record.rdev = [...inode.device];
  if (inode.kind === 'file') {
    record.size = inode.content.length;
    record.sha256 = createHash('sha256').update(inode.content).digest('hex');
  }
  const xattrs = [...inode.xattrs].filter(([name]) => owner === 'preserve' || name.startsWith('user.'));
  if (canListXattrs && xattrs.length > 0)
    record.xattrs = Object.fromEntries(xattrs.map(([name, value]) => [name, value.toString('hex')]));
  return record;
}

function modeOf({ kind }: Inode, mode: number, owner: Owner): number {
  if (owner === 'preserve') return mode;
  const access = kind === 'directory' ? 0o700 : kind === 'file' ? 0o600 : 0;
  return (mode & ~0o6000) | access;
}

/** The records of a disk, without what the expected ones leave open, and with times that are as good as theirs. */
export function comparable(
  actual: readonly TreeRecord[],
  expected: readonly TreeRecord[],
  isRootGiven: boolean,
): TreeRecord[] {
  const byPath = new Map(expected.map((record) => [record.path, record]));
  return actual.map((record) => {
    if (record.path === '' && !isRootGiven) return byPath.get('') ?? record;
    const { mtimeNs, ...rest } = record;
    const wanted = byPath.get(record.path)?.mtimeNs;
    if (wanted === undefined || mtimeNs === undefined) return rest;
    const difference = mtimeNs - wanted;
    const isGood = difference <= CLOCK_PRECISION_NS && -difference <= CLOCK_PRECISION_NS;
    return { ...rest, mtimeNs: isGood ? wanted : mtimeNs };
  });
}
