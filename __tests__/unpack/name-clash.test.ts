// Two entries whose names are one to the file system: both are named, and the first stays as it is.
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { PullError } from '../../src/errors.ts';
import { createTarReader } from '../../src/tar/reader.ts';
import type { FileSink } from '../../src/unpack/file-sink.ts';
import { DEFAULT_LIMITS } from '../../src/unpack/limits.ts';
import { Planner } from '../../src/unpack/planner.ts';
import { Quota } from '../../src/unpack/quota.ts';
import { SkipList } from '../../src/unpack/skips.ts';
import { foldingDirectory } from '../support/folding-directory.ts';
import { sinkOnNothing } from '../support/nothing-sink.ts';
import { thrown } from '../support/pull-error.ts';
import { dir, fifo, file, hardlink, symlink, tar } from '../support/tar-builder.ts';
import { unpackLayers } from '../support/unpack-layers.ts';
import { unpackRoom } from '../support/unpack-room.ts';

interface Clash {
  readonly name: string;
  readonly layers: readonly Buffer[];
  readonly both: readonly [before: string, now: string];
}

const CLASHES: readonly Clash[] = [
  { name: 'two files', layers: [tar(file('README', '1'), file('readme'))], both: ['"/README"', '"/readme"'] },
  {
    name: 'files of two layers, deep below',
    layers: [tar(file('a/b/File', '1')), tar(file('a/b/fILE'))],
    both: ['"/a/b/File"', '"/a/b/fILE"'],
  },
  { name: 'two directories', layers: [tar(dir('Lib/'), dir('lib/'))], both: ['"/Lib"', '"/lib"'] },
  {
    name: 'directories without an entry',
    layers: [tar(file('usr/Lib/x'), file('usr/lib/y'))],
    both: ['"/usr/Lib"', '"/usr/lib"'],
  },
  {
    name: 'a directory and a link to it',
    layers: [tar(dir('Dir/'), symlink('dir', 'Dir'))],
    both: ['"/Dir"', '"/dir"'],
  },
  {
    name: 'a file and another name of it',
    layers: [tar(file('F'), hardlink('f', 'F'))],
    both: ['"/F"', '"/f"'],
  },
  {
    name: 'one letter, composed and decomposed',
    layers: [tar(file('caf\u00e9'), file('cafe\u0301'))],
    both: ['"/caf\u00e9"', '"/cafe\u0301"'],
  },
];

/** What stands where the first file was, where the unpacker says it failed. */
async function messageOf(unpacking: Promise<unknown>): Promise<string> {
  const error = await unpacking.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error).toMatchObject({ name: 'PullError', code: 'PATH_UNSAFE' });
  return (error as PullError).message;
}

/** Fails as a file system that folds case does, but is not asked to remove anything. */
function foldingSink(): FileSink {
  const names = new Set<string>();
  const make = (path: string) => {
    const folded = Buffer.from(path, 'latin1').toString().normalize('NFC').toLowerCase();
    const cause = Object.assign(new Error('EEXIST'), { code: 'EEXIST' });
    if (names.has(folded)) throw new PullError('PATH_UNSAFE', `cannot make ${path}`, { hint: 'h', cause });
    names.add(folded);
  };
  return sinkOnNothing({
    makeDirectory: make,
    openFile: make,
    makeSymlink: make,
    makeHardLink: (path) => {
      make(path);
      return 'linked';
    },
  });
}

function plan(layers: readonly Buffer[]): void {
  const [limits, skips] = [DEFAULT_LIMITS, new SkipList()];
  const planner = new Planner({
    sink: foldingSink(),
    limits,
    quota: new Quota(limits),
    owner: 'runner',
    skips,
  });
  for (const [index, layer] of layers.entries()) {
    planner.beginLayer(index);
    createTarReader(planner).push(layer);
  }
}

describe('where names are folded', () => {
  it.each(CLASHES)('names both: $name', ({ layers, both: [before, now] }) => {
    const error = thrown('PATH_UNSAFE', () => plan(layers));
    expect(error.message).toContain(before);
    expect(error.message).toContain(now);
    expect(error.hint).toBe('h');
  });

  it('takes what was removed or does not exist yet for no obstacle', () => {
    expect(() => plan([tar(fifo('P'), file('p'))])).not.toThrow();
  });
});

describe('where something stands of which the image knows nothing', () => {
  it.each(['file', 'dir', 'symlink', 'hardlink'] as const)(
    'refuses a %s and leaves it alone',
    async (kind) => {
      using room = unpackRoom();
      writeFileSync(join(room.root, 'x'), 'first');
      const entry = {
        file: file('x', 'second'),
        dir: dir('x'),
        symlink: symlink('x', 'y'),
        hardlink: hardlink('x', 'y'),
      };
      const message = await messageOf(room.unpack([tar(file('y'), entry[kind])]));
      expect(message).toContain('"/x"');
      expect(readFileSync(join(room.root, 'x'), 'utf8')).toBe('first');
    },
  );
});

const folding = foldingDirectory();

describe.skipIf(folding.kind === 'none')('on a file system that folds names', () => {
  afterAll(() => {
    if (folding.kind === 'directory') folding.remove();
  });

  it.each(CLASHES)('names both: $name', async ({ layers, both }) => {
    if (folding.kind === 'none') return;
    const root = mkdtempSync(join(folding.path, 'root-'));
    const message = await messageOf(unpackLayers(layers, { root, owner: 'runner' }));
    for (const name of both) expect(message).toContain(name);
  });

  it('keeps what stood there, to the byte', async () => {
    if (folding.kind === 'none') return;
    const root = mkdtempSync(join(folding.path, 'root-'));
    mkdirSync(join(root, 'd'));
    await messageOf(
      unpackLayers([tar(file('README', 'first'), file('readme', 'second'))], { root, owner: 'runner' }),
    );
    expect(readFileSync(join(root, 'README'), 'utf8')).toBe('first');
    expect(readdirSync(root).sort()).toEqual(['README', 'd']);
  });

  it('unpacks an image that spells every name in one way', async () => {
    if (folding.kind === 'none') return;
    const root = mkdtempSync(join(folding.path, 'root-'));
    await unpackLayers([tar(dir('Lib/'), file('Lib/F', '1')), tar(file('Lib/F', '2'), file('.wh.lib'))], {
      root,
      owner: 'runner',
    });
    expect(readFileSync(join(root, 'Lib/F'), 'utf8')).toBe('2');
  });
});

if (folding.kind === 'none') it.skip(`names both on a real file system (${folding.reason})`);
