import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { digestOf } from '../../src/integrity/hash.ts';
import { type ListedEntry, listEntries } from '../../src/unpack/listing.ts';
import { rejected } from '../support/pull-error.ts';
import {
  char,
  deepFiles,
  dir,
  file,
  hardlink,
  oldSparse,
  pax,
  symlink,
  tar,
} from '../support/tar-builder.ts';
import { temporaryDirectories } from '../support/temporary.ts';

const newDirectory = temporaryDirectories();

async function list(...layers: readonly Buffer[]): Promise<ListedEntry[]> {
  const directory = newDirectory();
  const inputs = layers.map((layer, index) => {
    const blob = gzipSync(layer);
    const path = join(directory, String(index));
    writeFileSync(path, blob);
    return { kind: 'blob' as const, path, digest: digestOf(blob) };
  });
  return await listEntries({ layers: inputs, limits: {} });
}

const named = (entries: readonly ListedEntry[]) =>
  Object.fromEntries(entries.map(({ path, kind }) => [path, kind]));
const hex = (text: string | Uint8Array) => digestOf(Buffer.from(text)).slice('sha256:'.length);

describe('the list of a tree', () => {
  it('has every entry with what tells it from others', async () => {
    const entries = await list(
      tar(
        dir('d/', { mode: 0o700 }),
        pax(['SCHILY.xattr.user.a', 'b']),
        file('d/f', 'content', { uid: 7 }),
        symlink('l', 'd/f'),
        hardlink('h', 'd/f'),
        char('null', [1, 3]),
      ),
    );
    const common = { mode: 0o644, uid: 7, gid: 0, size: 7, content: hex('content'), xattrs: 'user.a=Yg==' };
    expect(entries).toMatchObject([
      { path: 'd', kind: 'directory', mode: 0o700 },
      { path: 'd/f', kind: 'file', ...common },
      { path: 'h', kind: 'file', ...common },
      { path: 'l', kind: 'symlink', content: 'd/f' },
      { path: 'null', kind: 'char', content: '1:3' },
    ]);
  });

  it('is that of the final tree: whiteouts, replaced files, links to directories', async () => {
    const entries = await list(
      tar(dir('real/'), file('real/gone'), file('real/old', 'old'), symlink('lib', 'real')),
      tar(file('lib/.wh.gone'), file('lib/old', 'new'), file('lib/more')),
    );
    expect(named(entries)).toEqual({
      lib: 'symlink',
      real: 'directory',
      'real/more': 'file',
      'real/old': 'file',
    });
    expect(entries.find(({ path }) => path === 'real/old')?.content).toBe(hex('new'));
  });

  it('reads holes as zeros', async () => {
    const [sparse] = await list(tar(oldSparse('s', 3000, [[1024, 'x'.repeat(512)]])));
    const content = Buffer.alloc(3000);
    content.fill('x', 1024, 1536);
    expect(sparse).toMatchObject({ size: 3000, content: hex(content) });
  });

  it('holds no more bytes of paths than is sound', async () => {
    const { message } = await rejected('LIMIT_EXCEEDED', list(deepFiles(70_000)));
    expect(message).toContain('paths');
  }, 60_000);

  it('is refused for a blob that is not what its digest says', async () => {
    const path = join(newDirectory(), 'blob');
    writeFileSync(path, tar(file('f')));
    const layers = [{ kind: 'blob' as const, path, digest: digestOf(Buffer.from('other')) }];
    await expect(listEntries({ layers, limits: {} })).rejects.toMatchObject({ code: 'DIGEST_MISMATCH' });
  });
});
