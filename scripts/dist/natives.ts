// The prebuilt Zstandard binaries beside the bundles, pinned by digest. Building needs the network only when one is new.
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { extract } from 'tar';

export const NATIVE_VERSION = '1.2.2';

/** sha256 of `zstd.<triple>.node` in the npm package `@mongodb-js/zstd-<triple>`. */
export const NATIVES: Readonly<Record<string, string>> = {
  'darwin-arm64': 'fbabaddc0448541df509f5e4f3df36942682ac8c6919a45e0a4f44c7120f503b',
  'darwin-x64': '52f2b762fe99106a238029950d4530cbd73fe0e80081f780593b8516490a69af',
  'linux-arm64-gnu': '048544f50d02bab3339aabf53360b5b0a237a57845734c9026cb61e1267d047e',
  'linux-arm64-musl': 'cf2616abc9635f1ddd133c948fe814d1e5eae81fa69d4fae3bce0352c9ad5816',
  'linux-x64-gnu': '83d0c4c0f01cd8c065658851ba370335341b980ddd63be7d99027b83c49c3e05',
  'linux-x64-musl': '1f93d06c9dc200653f5955dd0ba190a81f3d5fc99015cedd7fc7d4ee074c5f8c',
  'win32-x64-msvc': 'dbba9a7a4b86d057f1d44e620ee54bbbe2805b284181774cc1229baa0e4d7edc',
};

/**
 * Writes every binary into `outDirectory`: from the committed dist/, from node_modules, or else from the npm registry,
 * whichever first has the pinned content. Throws when none has.
 */
export async function writeNatives(root: string, outDirectory: string): Promise<void> {
  for (const [triple, sha256] of Object.entries(NATIVES)) {
    const content = (await localNative(root, triple, sha256)) ?? (await packedNative(triple, sha256));
    await writeFile(join(outDirectory, nativeName(triple)), content);
  }
}

async function localNative(root: string, triple: string, sha256: string): Promise<Buffer | undefined> {
  const name = nativeName(triple);
  for (const directory of ['dist', `node_modules/@mongodb-js/zstd-${triple}`]) {
    const content = await readFile(join(root, directory, name)).catch(() => undefined);
    if (content && hash(content) === sha256) return content;
  }
  return undefined;
}

async function packedNative(triple: string, sha256: string): Promise<Buffer> {
  const directory = await mkdtemp(join(tmpdir(), 'zstd-native-'));
  try {
    const specifier = `@mongodb-js/zstd-${triple}@${NATIVE_VERSION}`;
    const { stdout } = await promisify(execFile)('npm', ['pack', '--json', specifier], { cwd: directory });
    const [packed] = JSON.parse(stdout) as { filename: string }[];
    if (!packed) throw new Error(`npm pack ${specifier} made no file`);
    await extract({ cwd: directory, file: join(directory, packed.filename) });
    const content = await readFile(join(directory, 'package', nativeName(triple)));
    if (hash(content) !== sha256) throw new Error(`${specifier} does not hold the pinned binary`);
    return content;
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

function nativeName(triple: string): string {
  return `zstd.${triple}.node`;
}

function hash(content: Uint8Array): string {
  return createHash('sha256').update(content).digest('hex');
}
