// Extended attributes and devices.
import {
  char,
  dir,
  fifo,
  file,
  hardlink,
  type PaxRecord,
  pax,
  symlink,
  tar,
  tarEntry,
} from '../support/tar-builder.ts';
import type { CorpusCase } from './case.ts';

const CAPABILITY = '0100000200200000000000000000000000000000';
const xattr = (name: string, value: string | Uint8Array): PaxRecord => [`SCHILY.xattr.${name}`, value];
const odd = Buffer.from([0, 1, 10, 0x3d, 0x5c, 0xff]);

const CASES: readonly CorpusCase[] = [
  {
    name: 'sets attributes of users to the byte, without changing times',
    layers: [
      tar(
        pax(xattr('user.bin', odd)),
        file(Buffer.from('a b\n\\\xe9', 'latin1'), 'x', { uid: 3, mode: 0o4755 }),
        pax(xattr('user.é', 'b=c')),
        dir('d/', { mode: 0o500 }),
        pax(xattr('user.empty', ''), xattr('user.twice', '1'), xattr('user.twice', '2')),
        file('f', '', { mode: 0o444 }),
      ),
    ],
    tree: {
      'a b\n\\\udce9': { is: 'file: x', uid: 3, mode: 0o4755, xattrs: { 'user.bin': odd.toString('hex') } },
      d: { is: 'dir', mode: 0o500, xattrs: { 'user.\u00c3\u00a9': '623d63' } },
      f: { is: 'file: ', mode: 0o444, xattrs: { 'user.twice': '32' } },
    },
  },
  {
    name: 'sets capabilities, which setting the owner later would take away',
    layers: [
      tar(
        pax(xattr('security.capability', Buffer.from(CAPABILITY, 'hex')), xattr('user.a', '1')),
        file('ping', 'x', { uid: 3, mode: 0o755 }),
      ),
    ],
    tree: {
      ping: {
        is: 'file: x',
        uid: 3,
        mode: 0o755,
        xattrs: { 'security.capability': CAPABILITY, 'user.a': '31' },
      },
    },
  },
  {
    name: 'leaves out attributes that mean something to one system only, and those of things that take none',
    layers: [
      tar(
        pax(xattr('trusted.overlay.opaque', 'y'), xattr('security.selinux', '2'), xattr('user.kept', '3')),
        file('f'),
        pax(xattr('system.posix_acl_access', '4')),
        dir('d/'),
        pax(xattr('user.a', '1')),
        symlink('l', 'f'),
        pax(xattr('user.a', '1')),
        fifo('p'),
      ),
    ],
    tree: { f: { is: 'file: ', xattrs: { 'user.kept': '33' } }, d: 'dir', l: 'link: f', p: 'fifo' },
    skipped: ['xattr /d', 'xattr /f', 'xattr /f', 'xattr /l', 'xattr /p'],
  },
  {
    name: 'ignores the twins that libarchive writes in another form',
    layers: [tar(pax(['LIBARCHIVE.xattr.user.a', 'NA=='], xattr('user.b', '4')), file('f'))],
    tree: { f: { is: 'file: ', xattrs: { 'user.b': '34' } } },
  },
  {
    name: 'lets attributes follow a file to its other names and die with it',
    layers: [
      tar(
        pax(xattr('user.a', '1')),
        file('a'),
        hardlink('b', 'a'),
        hardlink('c', 'b'),
        pax(xattr('user.a', '2')),
        file('gone'),
      ),
      tar(file('.wh.a'), file('gone', 'new')),
    ],
    tree: { b: { is: 'file: ', xattrs: { 'user.a': '31' } }, c: 'hard: b', gone: 'file: new' },
  },
  {
    name: 'takes from a directory the attributes that its new entry lacks',
    layers: [
      tar(pax(xattr('user.a', '1')), dir('d/'), pax(xattr('user.a', '1')), dir('e/')),
      tar(dir('d/'), file('e/f')),
    ],
    tree: { d: 'dir', e: { is: 'dir', xattrs: { 'user.a': '31' } }, 'e/f': 'file: ' },
  },
  {
    name: 'sets no attribute of the entry before or after',
    layers: [tar(file('a'), pax(xattr('user.a', '1')), file('b'), file('c'))],
    tree: { a: 'file: ', b: { is: 'file: ', xattrs: { 'user.a': '31' } }, c: 'file: ' },
  },
];

/** No other system that this runs on has a program to set them. */
export const XATTRS: readonly CorpusCase[] = CASES.map((each) => ({ ...each, linuxOnly: true }));

const block = (name: string, device: [number, number]): Buffer => tarEntry({ name, type: '4', device });

export const DEVICES: readonly CorpusCase[] = [
  {
    name: 'makes devices with their numbers, modes, owners and times',
    layers: [
      tar(
        char('null', [1, 3], { mode: 0o666, mtime: 1 }),
        block('sda', [8, 0]),
        block('large', [259, 70_000]),
        char('old', [4, 64], { magic: 'gnu', uid: 3, gid: 5 }),
        fifo('pipe', { size: 512, mode: 0o4641, mtime: 7 }),
        char('dev/tty', [5, 0], { size: 512 }),
      ),
    ],
    tree: {
      null: { is: 'char 1:3', mode: 0o666, mtime: 1 },
      sda: 'block 8:0',
      large: 'block 259:70000',
      old: { is: 'char 4:64', uid: 3, gid: 5 },
      pipe: { is: 'fifo', mode: 0o4641, mtime: 7 },
      dev: 'implicit',
      'dev/tty': 'char 5:0',
    },
  },
  {
    name: 'makes the device that overlay file systems take for a whiteout',
    layers: [tar(char('w', [0, 0]), file('f'))],
    tree: { w: 'char 0:0', f: 'file: ' },
  },
  {
    name: 'leaves no trace of a FIFO that was replaced, removed, or whose directory went',
    layers: [
      tar(fifo('a'), fifo('b'), dir('d/'), fifo('d/c'), fifo('e'), fifo('x/y')),
      tar(file('a', 'file'), file('.wh.b'), file('.wh.d'), dir('e/'), symlink('x', 'e')),
    ],
    tree: { a: 'file: file', e: 'dir', x: 'link: e' },
  },
  {
    name: 'puts a FIFO in place of a file and of a directory',
    layers: [tar(file('a'), file('d/f')), tar(fifo('a'), fifo('d'))],
    tree: { a: 'fifo', d: 'fifo' },
  },
  {
    name: 'takes any name for that of a FIFO',
    linuxOnly: true,
    layers: [tar(fifo(Buffer.from('-m 777\n\xe9 $(x)', 'latin1')))],
    tree: { '-m 777\n\udce9 $(x)': 'fifo' },
  },
  {
    name: 'refuses a device number of more than 32 bits',
    layers: [tar(char('c', [2 ** 32, 0]))],
    code: 'TAR_INVALID',
  },
];
