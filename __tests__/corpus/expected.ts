// What a tree that a case expects looks like once it is listed: as root unpacks it, and as another user does.
import { createHash } from 'node:crypto';
import { MTIME } from '../support/tar-builder.ts';
import type { TreeRecord } from '../support/tree.ts';
import type { ExpectedNode, ExpectedTree } from './case.ts';

/** A time as decimal digits, because records travel as JSON; undefined: any. */
export type Listed = Omit<TreeRecord, 'mtimeNs'> & { readonly mtimeNs?: string | undefined };

export interface Owner {
  readonly uid: number;
  readonly gid: number;
}

/** Sorted by path. */
export function expectedRecords(tree: ExpectedTree): Listed[] {
  const nodes = Object.entries({ '': 'implicit', ...tree }).map(([path, node]): [string, ExpectedNode] => [
    path,
    typeof node === 'string' ? { is: node } : node,
  ]);
  const firstNames = new Map<string, string>();
  for (const [path, { is }] of nodes.toSorted(byPath)) {
    const target = targetOf(is);
    if (target === undefined) continue;
    firstNames.set(target, [firstNames.get(target) ?? target, path].sort()[0] as string);
  }
  const byName = new Map(nodes);
  return nodes.toSorted(byPath).map(([path, node]) => {
    const target = targetOf(node.is);
    const hard = firstNames.get(target ?? path);
    const described = target === undefined ? node : byName.get(target);
    if (!described) throw new Error(`${path} is to be a name of ${target}, which is not expected`);
    return { path, ...describe(described), ...(hard === undefined ? {} : { hard }) };
  });
}

/**
 * What the same image is to a user who is not root: everything is that user's, who can read, write and enter it; there
 * are no devices, no set-id bits and no capabilities.
 */
export function asRunner(records: readonly Listed[], owner: Owner): Listed[] {
  return records
    .filter((record) => !isDevice(record))
    .map(({ xattrs, ...record }) => {
      const kept = Object.entries(xattrs ?? {}).filter(([name]) => name !== CAPABILITY);
      const mode = record.mode && { mode: runnerMode(record) };
      return {
        ...record,
        ...owner,
        ...mode,
        ...(kept.length > 0 ? { xattrs: Object.fromEntries(kept) } : {}),
      };
    });
}

/** What a report says about the difference. */
export function skippedByRunner(records: readonly Listed[]): string[] {
  return records.flatMap((record) => {
    const { path, xattrs, hard = path } = record;
    if (isDevice(record)) return [`device /${path}`];
    return hard === path && xattrs?.[CAPABILITY] ? [`xattr /${path}`] : [];
  });
}

const CAPABILITY = 'security.capability';
const OWNER_BITS: Partial<Record<Listed['type'], number>> = { dir: 0o700, file: 0o600 };
const DEFAULT_MODES: Partial<Record<Listed['type'], number>> = { dir: 0o755 };

const byPath = ([a]: [string, unknown], [b]: [string, unknown]): number => (a < b ? -1 : 1);
const isDevice = ({ type }: Listed): boolean => type === 'char' || type === 'block';
const targetOf = (is: string): string | undefined => (is.startsWith('hard: ') ? is.slice(6) : undefined);

function runnerMode({ mode, type }: Listed): string {
  return octal((Number(mode) & ~0o6000) | (OWNER_BITS[type] ?? 0));
}

function octal(mode: number): string {
  return `0o${mode.toString(8)}`;
}

function describe({ is, mode, uid = 0, gid = 0, mtime = MTIME, xattrs }: ExpectedNode): Omit<Listed, 'path'> {
  const kind = kindOf(is);
  const isLink = kind.type === 'link';
  return {
    ...kind,
    ...(isLink ? {} : { mode: octal(mode ?? DEFAULT_MODES[kind.type] ?? 0o644) }),
    ...(xattrs ? { xattrs: { ...xattrs } } : {}),
    uid,
    gid,
    mtimeNs: is === 'implicit' ? undefined : nanoseconds(mtime),
  };
}

function kindOf(is: string): Pick<Listed, 'type' | 'target' | 'size' | 'sha256' | 'rdev'> {
  const [, word = '', rest = ''] = /^(\w+):? ?(.*)$/s.exec(is) ?? [];
  if (word === 'dir' || word === 'implicit') return { type: 'dir' };
  if (word === 'link') return { type: 'link', target: rest };
  if (word === 'fifo') return { type: 'fifo' };
  if (word === 'char' || word === 'block') {
    const [major, minor] = rest.split(':').map(Number);
    return { type: word, rdev: [major ?? 0, minor ?? 0] };
  }
  if (word !== 'file') throw new Error(`nothing is a ${is}`);
  const content = Buffer.from(rest);
  return { type: 'file', size: content.length, sha256: createHash('sha256').update(content).digest('hex') };
}

function nanoseconds(seconds: number): string {
  const whole = Math.trunc(seconds);
  return String(BigInt(whole) * 1_000_000_000n + BigInt(Math.round((seconds - whole) * 1e9)));
}
