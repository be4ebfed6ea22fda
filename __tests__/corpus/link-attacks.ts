// Hard links that try to name, read or change something outside of the root.
import { dir, file, hardlink, longLink, pax, symlink, tar } from '../support/tar-builder.ts';
import type { CorpusCase } from './case.ts';

export const LINK_ATTACKS: readonly CorpusCase[] = [
  ...['../sentinel/secret', '/../sentinel/secret', 'a/../../sentinel/secret', '..'].map(
    (name): CorpusCase => ({
      name: `refuses a hard link to ${name}`,
      layers: [tar(hardlink('l', name))],
      code: 'PATH_UNSAFE',
    }),
  ),
  {
    name: 'refuses hard links of pax and GNU that climb out',
    layers: [
      tar(pax(['linkpath', '../sentinel/secret']), longLink('../sentinel/secret'), hardlink('l', 'x')),
    ],
    code: 'PATH_UNSAFE',
  },
  {
    name: 'refuses a hard link to an absolute name outside',
    layers: (out) => [tar(hardlink('l', `${out}/secret`))],
    code: 'TAR_INVALID',
  },
  {
    name: 'refuses a hard link to a name in the current directory',
    layers: [tar(hardlink('l', 'secret'))],
    code: 'TAR_INVALID',
  },
  {
    name: 'refuses a hard link through a symbolic link to the outside',
    layers: (out) => [tar(symlink('l', out), hardlink('h', 'l/secret'))],
    code: 'TAR_INVALID',
  },
  {
    name: 'refuses a hard link through a symbolic link of a lower layer',
    layers: (out) => [tar(symlink('l', out)), tar(hardlink('h', 'l/secret'), file('h', 'overwritten'))],
    code: 'TAR_INVALID',
  },
  {
    name: 'refuses a hard link through a chain of links that climb',
    layers: [
      tar(
        dir('a/b/'),
        symlink('a/b/up', '../..'),
        symlink('c', 'a/b'),
        symlink('h', 'c/up/../..'),
        hardlink('l', 'h/sentinel/secret'),
      ),
    ],
    code: 'TAR_INVALID',
  },
  {
    name: 'refuses a hard link through a way up that its name hides',
    layers: [tar(dir('x/'), symlink('x/l', '..'), hardlink('h', 'x/l/../sentinel/secret'))],
    code: 'TAR_INVALID',
  },
  {
    name: 'refuses a hard link to a drive',
    layers: [tar(hardlink('h', 'C:../sentinel/secret'))],
    code: 'TAR_INVALID',
  },
  {
    name: 'takes no attributes for the target of a symbolic link from a hard link to it',
    linuxOnly: true,
    layers: (out) => [
      tar(symlink('l', `${out}/secret`), hardlink('h', 'l', { mode: 0o4777, uid: 1, mtime: 1 })),
    ],
    tree: (out) => ({ l: `link: ${out}/secret`, h: 'hard: l' }),
  },
  {
    name: 'writes nothing through a hard link to a symbolic link',
    linuxOnly: true,
    layers: (out) => [
      tar(symlink('l', `${out}/secret`), hardlink('h', 'l'), file('h', 'overwritten')),
      tar(symlink('m', out), hardlink('n', 'm'), dir('n/', { mode: 0o777, mtime: 1 }), file('n/secret', 'x')),
    ],
    tree: (out) => ({
      l: `link: ${out}/secret`,
      h: 'file: overwritten',
      m: `link: ${out}`,
      n: { is: 'dir', mode: 0o777, mtime: 1 },
      'n/secret': 'file: x',
    }),
  },
  {
    name: 'writes nothing into the other names of a file',
    layers: [
      tar(file('a', 'shared', { mode: 0o600 }), hardlink('b', 'a')),
      tar(file('b', 'longer than before', { mode: 0o4777 })),
    ],
    tree: { a: { is: 'file: shared', mode: 0o600 }, b: { is: 'file: longer than before', mode: 0o4777 } },
  },
];
