// THIRD_PARTY_LICENSES.txt: every npm package of which code is in dist/, with the text of its licence.
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Metafile } from 'esbuild';

export interface LicensedPackage {
  readonly name: string;
  readonly version: string;
  /** SPDX expression of its package.json. */
  readonly license: string;
  /** Content of its licence and notice files; empty when it ships none. */
  readonly texts: readonly string[];
}

const RULE = '='.repeat(100);
const LICENSE_FILE = /^(licen[cs]e|copying|notice)([.-].*)?$/i;

/** The directories, relative to the root, of the packages that gave at least one byte to an output. */
export function packageDirectories(metafile: Metafile): string[] {
  const inputs = Object.values(metafile.outputs).flatMap((output) => Object.entries(output.inputs));
  const directories = inputs
    .filter(([, { bytesInOutput }]) => bytesInOutput > 0)
    .map(([path]) => /^.*node_modules\/(?:@[^/]+\/)?[^/]+/.exec(path)?.[0])
    .filter((directory) => directory !== undefined);
  return [...new Set(directories)].sort();
}

/** Reads what a package says of its licence. Throws when it says nothing. */
export async function readLicensedPackage(directory: string): Promise<LicensedPackage> {
  const manifest = JSON.parse(await readFile(join(directory, 'package.json'), 'utf8')) as Record<
    string,
    unknown
  >;
  const { name, version, license } = manifest;
  const files = (await readdir(directory)).filter((file) => LICENSE_FILE.test(file)).sort();
  const texts = await Promise.all(files.map((file) => readFile(join(directory, file), 'utf8')));
  if (typeof license !== 'string') throw new Error(`${directory} names no licence`);
  return { name: String(name), version: String(version), license, texts: texts.map(normalizeText) };
}

/** The whole file. `nativeNotice` describes what is linked into the native binaries. */
export function renderLicenses(packages: readonly LicensedPackage[], nativeNotice: string): string {
  const sorted = packages.toSorted((a, b) => compare(`${a.name}@${a.version}`, `${b.name}@${b.version}`));
  const sections = sorted.map(({ name, version, license, texts }) => {
    const body =
      texts.length > 0 ? texts.join('\n\n') : `This package ships no licence file; it declares ${license}.`;
    return `${RULE}\n${name} ${version} (${license})\n${RULE}\n\n${body}\n`;
  });
  const introduction = 'The files in this directory contain code of the following packages.\n';
  const native = `${RULE}\nzstd.*.node\n${RULE}\n\n${normalizeText(nativeNotice)}\n`;
  return [introduction, ...sections, native].join('\n');
}

function normalizeText(text: string): string {
  const lines = text.replaceAll('\r\n', '\n').split('\n');
  return lines
    .map((line) => line.trimEnd())
    .join('\n')
    .trim();
}

/** By code unit: the order must not depend on the locale of the machine that builds. */
function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
