// A directory in which upper and lower case are one: the temporary directory, where it is like that, or an ext4 image.
import { execFileSync } from 'node:child_process';
import * as fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isRoot } from './tree.ts';

export type FoldingDirectory =
  | { readonly kind: 'directory'; readonly path: string; readonly remove: () => void }
  | { readonly kind: 'none'; readonly reason: string };

const IMAGE_SIZE = 32 << 20;

export function foldingDirectory(): FoldingDirectory {
  const base = fs.mkdtempSync(join(fs.realpathSync(tmpdir()), 'folding-'));
  const remove = () => fs.rmSync(base, { recursive: true, force: true });
  if (folds(base)) return { kind: 'directory', path: base, remove };
  if (process.platform !== 'linux' || !isRoot()) {
    remove();
    return { kind: 'none', reason: 'only root can mount a file system that folds case' };
  }
  try {
    return mounted(base);
  } catch (error) {
    remove();
    return { kind: 'none', reason: `this host mounts no file system that folds case: ${firstLine(error)}` };
  }
}

function folds(directory: string): boolean {
  fs.writeFileSync(join(directory, 'Case'), '');
  const found = fs.existsSync(join(directory, 'cASE'));
  fs.rmSync(join(directory, 'Case'));
  return found;
}

function mounted(base: string): FoldingDirectory {
  const [image, mount] = [join(base, 'image'), join(base, 'mount')];
  const path = join(mount, 'folding');
  fs.writeFileSync(image, '');
  fs.truncateSync(image, IMAGE_SIZE);
  fs.mkdirSync(mount);
  run('mkfs.ext4', '-q', '-O', 'casefold', '-E', 'encoding=utf8', image);
  run('mount', '-o', 'loop', image, mount);
  const remove = () => {
    run('umount', mount);
    fs.rmSync(base, { recursive: true, force: true });
  };
  try {
    fs.mkdirSync(path);
    run('chattr', '+F', path);
    if (!folds(path)) throw new Error('its directories do not fold case');
  } catch (error) {
    run('umount', mount);
    throw error;
  }
  return { kind: 'directory', path, remove };
}

function run(tool: string, ...args: string[]): void {
  execFileSync(tool, args, { stdio: ['ignore', 'ignore', 'pipe'], timeout: 20_000, encoding: 'utf8' });
}

function firstLine(error: unknown): string {
  const { stderr, message } = error as { stderr?: string; message: string };
  return (stderr || message).trim().split('\n')[0] ?? '';
}
