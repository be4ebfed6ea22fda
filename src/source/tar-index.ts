// Where the members of a tar archive lie. Only headers are read; the rules are those of tar/reader.ts.
import { PullError } from '../errors.ts';
import { throwIfAborted } from '../http/abort.ts';
import { buildEntry } from '../tar/build-entry.ts';
import type { TarEntry } from '../tar/entry.ts';
import {
  BLOCK_SIZE,
  type Block,
  decodeHeader,
  isZeroBlock,
  newBlock,
  type TarHeader,
} from '../tar/header.ts';
import { MAX_EXTENDED_HEADER } from '../tar/limits.ts';
import { isPrefaceType, NO_PREFACE, type Preface, PrefaceReader } from '../tar/preface.ts';
import { addOldExtension, oldSparse, paxSparse, type SparseRegion } from '../tar/sparse.ts';
import { openLocal } from './local-file.ts';
import { ReadWindow } from './read-window.ts';

/** An archive of a thousand images has some 100,000. */
const MAX_MEMBERS = 200_000;
/** A member's own header, and what stands in front of it: extended headers, of which writers make up to three, and global ones. */
const HEADERS_PER_MEMBER = 4;
/** Longer names are passed over, so that names take no more memory than this allows: nothing in an image's archive is called so. */
const MAX_NAME_BYTES = 1024;
/** `docker save` makes one step. */
const MAX_LINK_STEPS = 16;

type Member =
  | { readonly kind: 'file'; readonly offset: number; readonly size: number }
  /** `target`: undefined where it leads out of the archive. */
  | { readonly kind: 'link'; readonly target: string | undefined }
  | { readonly kind: 'sparse' };

export interface TarIndex {
  /** Offset and size in the archive. Links are followed inside of it. Throws LAYOUT_INVALID for sparse members and endless links. */
  find(name: string): { readonly offset: number; readonly size: number } | undefined;
}

/**
 * `archive`: an uncompressed tar. Of members of the same name the last counts, as when it is extracted.
 * Throws LAYOUT_INVALID for what is no whole tar archive, LIMIT_EXCEEDED, ABORTED.
 */
export async function indexTar(
  archive: { readonly path: string; readonly size: number },
  signal: AbortSignal,
  maxMembers = MAX_MEMBERS,
): Promise<TarIndex> {
  const members = new Map<string, Member>();
  await using handle = await openLocal(archive.path);
  try {
    await scan({ ...archive, window: new ReadWindow(handle, archive), signal, maxMembers }, members);
  } catch (cause) {
    if (!(cause instanceof PullError) || cause.code !== 'TAR_INVALID') throw cause;
    throw new PullError('LAYOUT_INVALID', `${archive.path} is no usable tar archive: ${cause.message}`, {
      cause,
    });
  }
  return { find: (name) => findMember(members, name, archive.path) };
}

interface Archive {
  readonly path: string;
  readonly size: number;
  readonly window: ReadWindow;
  readonly maxMembers: number;
  readonly signal: AbortSignal;
}

async function scan(archive: Archive, members: Map<string, Member>): Promise<void> {
  const block = newBlock();
  const { maxMembers } = archive;
  const maxHeaders = HEADERS_PER_MEMBER * maxMembers;
  let preface = NO_PREFACE;
  let zeroBlocks = 0;
  let headers = 0;
  let count = 0;
  let at = 0;
  while (at < archive.size && zeroBlocks < 2) {
    throwIfAborted(archive.signal);
    await readAt(archive, block.bytes, at);
    at += BLOCK_SIZE;
    if (isZeroBlock(block)) {
      if (preface !== NO_PREFACE) throw broken('it ends after an extended header that is about no member');
      zeroBlocks++;
      continue;
    }
    if (zeroBlocks > 0) throw broken('a single zero block stands between members');
    if (++headers > maxHeaders) throw tooMany(archive.path, `${maxHeaders} headers`);
    const header = decodeHeader(block);
    if (isPrefaceType(header.type)) preface = await readPreface(archive, { header, at, preface });
    else if (header.type !== 'g') {
      if (++count > maxMembers) throw tooMany(archive.path, `${maxMembers} members`);
      const { stored, extensions } = await addMember(archive, { header, block, preface, at }, members);
      at += extensions + roundUp(stored);
      preface = NO_PREFACE;
      continue;
    }
    at += roundUp(header.size);
  }
  if (preface !== NO_PREFACE) throw broken('it ends after an extended header that is about no member');
  if (at > archive.size) throw endsEarly(archive);
}

async function readPreface(
  archive: Archive,
  { header, at, preface }: { header: TarHeader; at: number; preface: Preface },
): Promise<Preface> {
  if (!isPrefaceType(header.type)) return preface;
  const reader = new PrefaceReader(header.type, header.size);
  const bytes = Buffer.allocUnsafe(Math.min(header.size, MAX_EXTENDED_HEADER));
  await readAt(archive, bytes, at);
  reader.push(bytes, 0);
  return reader.addTo(preface);
}

/** Returns how many bytes follow the header: blocks of a sparse file's map, then what is stored of the file. */
async function addMember(
  archive: Archive,
  { header, block, preface, at }: { header: TarHeader; block: Block; preface: Preface; at: number },
  members: Map<string, Member>,
): Promise<{ stored: number; extensions: number }> {
  const entry = buildEntry(header, preface, block);
  const sparse = preface.pax && paxSparse(preface.pax);
  const isSparse = header.type === 'S' || (sparse !== undefined && sparse.kind !== 'none');
  const extensions = header.type === 'S' ? await skipExtensions(archive, block, at) : 0;
  if (at + extensions + entry.size > archive.size) throw endsEarly(archive);
  const name = sparse !== undefined && sparse.kind !== 'none' ? (sparse.name ?? entry.path) : entry.path;
  const key = cleanName(name);
  const member = isSparse ? ({ kind: 'sparse' } as const) : toMember(entry, key, at);
  if (name.length <= MAX_NAME_BYTES) {
    if (member) members.set(key, member);
    else members.delete(key);
  }
  return { stored: entry.size, extensions };
}

function toMember(entry: TarEntry, key: string, offset: number): Member | undefined {
  if (entry.kind === 'file') return { kind: 'file', offset, size: entry.size };
  if ((entry.kind !== 'hardlink' && entry.kind !== 'symlink') || entry.linkPath.length > MAX_NAME_BYTES)
    return undefined;
  if (entry.kind === 'hardlink') return { kind: 'link', target: cleanName(entry.linkPath) };
  return { kind: 'link', target: resolveLink(key, entry.linkPath) };
}

/** The blocks behind a header of type S that hold more of its map. */
async function skipExtensions(archive: Archive, header: Block, start: number): Promise<number> {
  const regions: SparseRegion[] = [];
  const block = newBlock();
  let at = start;
  for (let more = oldSparse(header).more; more; at += BLOCK_SIZE) {
    throwIfAborted(archive.signal);
    await readAt(archive, block.bytes, at);
    more = addOldExtension(regions, block);
  }
  return at - start;
}

function findMember(members: ReadonlyMap<string, Member>, name: string, path: string) {
  // Names in an archive are bytes, one UTF-16 unit each.
  let key: string | undefined = cleanName(Buffer.from(name).toString('latin1'));
  for (let step = 0; step <= MAX_LINK_STEPS; step++) {
    const member: Member | undefined = key === undefined ? undefined : members.get(key);
    if (member?.kind === 'sparse')
      throw new PullError('LAYOUT_INVALID', `${path}: ${name} is stored as a sparse file`, {
        hint: 'Write the archive without the option --sparse.',
      });
    if (member?.kind !== 'link') return member;
    key = member.target;
  }
  throw new PullError('LAYOUT_INVALID', `${path}: ${name} is a link to a link to a link, without an end`);
}

/** Without `.` and empty parts. `..` stays: nobody asks for such a name. */
function cleanName(raw: string): string {
  return raw
    .split('/')
    .filter((part) => part !== '' && part !== '.')
    .join('/');
}

/** undefined where it leads out of the archive. */
function resolveLink(from: string, target: string): string | undefined {
  if (target.startsWith('/')) return undefined;
  const parts = from.split('/').slice(0, -1);
  for (const part of target.split('/')) {
    if (part === '..') {
      if (parts.pop() === undefined) return undefined;
    } else if (part !== '' && part !== '.') parts.push(part);
  }
  return parts.join('/');
}

/** Throws TAR_INVALID behind the end. */
async function readAt(archive: Archive, bytes: Buffer, position: number): Promise<void> {
  if (position + bytes.length > archive.size) throw endsEarly(archive);
  const { window } = archive;
  if (!window.copy(bytes, position)) await window.read(bytes, position);
}

function roundUp(size: number): number {
  return Math.ceil(size / BLOCK_SIZE) * BLOCK_SIZE;
}

function broken(why: string): PullError {
  return new PullError('TAR_INVALID', why);
}

function endsEarly({ size }: Archive): PullError {
  return broken(`it ends after ${size} bytes, inside of a member`);
}

function tooMany(path: string, what: string): PullError {
  return new PullError('LIMIT_EXCEEDED', `${path}: more than ${what}`, {
    hint: 'An archive of images holds far fewer.',
  });
}
