// An image in which programs of this machine run: a few of them, and the libraries that they need.
import { execFileSync } from 'node:child_process';
import { readFileSync, realpathSync } from 'node:fs';
import { digestOf } from '../../src/integrity/hash.ts';
import { dir, file, symlink, tar } from './tar-builder.ts';
import type { BuiltLayer } from './write-layout.ts';

/** `programs`: absolute paths. `files`: more of them, by path without a slash before it. */
export function hostLayer(programs: readonly string[], files: Readonly<Record<string, string>>): BuiltLayer {
  const paths = new Set(programs.flatMap((program) => [program, ...librariesOf(program)]));
  const entries = [...paths].map((path) =>
    file(path.slice(1), readFileSync(realpathSync(path)), { mode: 0o755 }),
  );
  const texts = Object.entries(files).map(([path, text]) => file(path, text));
  const blob = tar(dir('etc/'), dir('mnt/'), symlink('etc/alias', 'os-release'), ...entries, ...texts);
  return { blob, mediaType: 'application/vnd.oci.image.layer.v1.tar', diffId: digestOf(blob) };
}

function librariesOf(program: string): string[] {
  const output = execFileSync('ldd', [program], { encoding: 'utf8' });
  return [...output.matchAll(/(\/\S+) \(0x/g)].map(([, path = '']) => path);
}
