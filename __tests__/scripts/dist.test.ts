// The committed dist/, as users run it. Whether it is what the sources build is checked by `node scripts/build.ts --check`.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { NATIVES } from '../../scripts/dist/natives.ts';

/** A copy far away from node_modules. */
let dist: string;
beforeAll(() => {
  dist = mkdtempSync(join(tmpdir(), 'dist-copy-'));
  cpSync(join(import.meta.dirname, '../../dist'), dist, { recursive: true });
});
afterAll(() => rmSync(dist, { recursive: true }));

function run(command: string, ...args: string[]) {
  const { status, stdout, stderr } = spawnSync(command, args, {
    encoding: 'utf8',
    env: { PATH: process.env.PATH },
  });
  return { status, stdout, stderr };
}

/** Makes this Node say that it is an older one, before the program starts. */
const AGED = `data:text/javascript,${encodeURIComponent(
  "Object.defineProperty(process, 'versions', { value: { ...process.versions, node: '20.19.0' } })",
)}`;

function nodeMajor(command: string): number {
  const { stdout } = run(command, '-p', "process.versions.node.split('.')[0]");
  return Number(stdout ?? 0);
}
const SYSTEM_NODE = '/usr/bin/node';
const isSystemNodeOld = nodeMajor(SYSTEM_NODE) > 0 && nodeMajor(SYSTEM_NODE) < 24;

describe.each(['cli.js', 'index.js'])('%s on a Node that is too old', (door) => {
  it('says so in one line and ends with 2', () => {
    expect(run(process.execPath, '--import', AGED, join(dist, door))).toEqual({
      status: 2,
      stdout: '',
      stderr: 'oci-pull needs Node 24 or later; this is Node 20.19.0\n',
    });
  });

  it.skipIf(!isSystemNodeOld)('does so on a real one', () => {
    const { status, stderr } = run(SYSTEM_NODE, join(dist, door));
    expect({ status, lines: stderr.trim().split('\n').length }).toEqual({ status: 2, lines: 1 });
    expect(stderr).toContain('needs Node 24');
  });
});

describe('cli.js', () => {
  it('answers without anything installed', () => {
    expect(run(process.execPath, join(dist, 'cli.js'), '--version')).toMatchObject({ status: 0, stderr: '' });
  });

  it('ends with 2 for wrong usage', () => {
    expect(run(process.execPath, join(dist, 'cli.js'), 'alpine')).toMatchObject({ status: 2, stdout: '' });
  });

  it('carries none of the libraries of the action', () => {
    expect(readFileSync(join(dist, 'cli.bundle.js'), 'utf8')).not.toContain('node_modules/@actions/');
  });
});

it('elevated.js does nothing unless sudo starts it', () => {
  expect(run(process.execPath, join(dist, 'elevated.js'))).toMatchObject({ status: 1, stdout: '' });
});

describe('the native decoders', () => {
  it.each(Object.entries(NATIVES))('has the pinned one for %s', (triple, sha256) => {
    const content = readFileSync(join(dist, `zstd.${triple}.node`));
    expect(createHash('sha256').update(content).digest('hex')).toBe(sha256);
  });

  it('has no others', () => {
    const names = readdirSync(dist).filter((name) => name.endsWith('.node'));
    expect(names.toSorted()).toEqual(
      Object.keys(NATIVES)
        .map((triple) => `zstd.${triple}.node`)
        .toSorted(),
    );
  });
});
