import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { expect, it } from 'vitest';
import { archiveFiles, putFile } from '../../src/export/image-files.ts';
import { run, skipWithout } from '../support/peers.ts';
import { file, tar } from '../support/tar-builder.ts';
import { temporaryDirectories } from '../support/temporary.ts';

const newDirectory = temporaryDirectories();
const hexOf = (algorithm: string, bytes: Uint8Array) => createHash(algorithm).update(bytes).digest('hex');

it('an archive holds names too long for a header, and what follows them', () => {
  const path = join(newDirectory(), 'out.tar');
  const files = archiveFiles(path);
  const long = `blobs/sha512/${'ab'.repeat(64)}`;
  files.begin(long);
  files.write(Buffer.alloc(600, 'x'));
  files.write(Buffer.alloc(100, 'y'));
  expect(files.end()).toBe(700);
  putFile(files, `${'cd'.repeat(64)}.tar`, Buffer.from('second'));
  putFile(files, 'short', Buffer.from('third'));
  files.finish();
  expect(run('tar', '-tf', path).trim().split('\n')).toEqual([
    'blobs/',
    'blobs/sha512/',
    long,
    `${'cd'.repeat(64)}.tar`,
    'short',
  ]);
  expect(run('tar', '-xOf', path, long)).toBe('x'.repeat(600) + 'y'.repeat(100));
  expect(run('tar', '-xOf', path, `${'cd'.repeat(64)}.tar`, 'short')).toBe('secondthird');
});

it.skipIf(skipWithout('skopeo'))('an archive with sha512 digests is read by skopeo', () => {
  const path = join(newDirectory(), 'out.tar');
  const files = archiveFiles(path);
  const put = (mediaType: string, bytes: Buffer, algorithm = 'sha512') => {
    const hex = hexOf(algorithm, bytes);
    putFile(files, `blobs/${algorithm}/${hex}`, bytes);
    return { mediaType, digest: `${algorithm}:${hex}`, size: bytes.length };
  };
  const json = (value: unknown) => Buffer.from(JSON.stringify(value));
  const content = tar(file('a', 'content'));
  const layer = put('application/vnd.oci.image.layer.v1.tar+gzip', gzipSync(content));
  const config = put(
    'application/vnd.oci.image.config.v1+json',
    json({
      architecture: 'amd64',
      os: 'linux',
      rootfs: { type: 'layers', diff_ids: [`sha256:${hexOf('sha256', content)}`] },
    }),
    // It knows no other for these.
    'sha256',
  );
  const manifest = put(
    'application/vnd.oci.image.manifest.v1+json',
    json({ schemaVersion: 2, config, layers: [layer] }),
  );
  putFile(files, 'oci-layout', json({ imageLayoutVersion: '1.0.0' }));
  putFile(files, 'index.json', json({ schemaVersion: 2, manifests: [manifest] }));
  files.finish();
  const seen = JSON.parse(run('skopeo', 'inspect', `oci-archive:${path}`)) as { Layers: string[] };
  expect(seen.Layers).toEqual([layer.digest]);
});
