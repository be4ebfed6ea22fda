// Where and with what a benchmark was run, as Markdown lines.
import { cpus, release, totalmem } from 'node:os';
import { run, which } from './shell.ts';

const TOOLS: readonly (readonly [name: string, ...args: string[]])[] = [
  ['skopeo', '--version'],
  ['umoci', '--version'],
  ['docker-registry', '--version'],
  ['curl', '--version'],
  ['zstd', '--version'],
  ['gzip', '--version'],
  ['tar', '--version'],
];

export async function describeMachine(directory: string, ociPull?: readonly string[]): Promise<string[]> {
  const processors = cpus();
  const memory = `${(totalmem() / 2 ** 30).toFixed(0)} GiB`;
  const fileSystem = (await run(['stat', '-f', '-c', '%T', directory]).catch(() => '')).trim();
  const versions = await Promise.all([
    ...TOOLS.filter(([name]) => which(name) !== undefined).map(([name, ...args]) =>
      version(name, [name, ...args]),
    ),
    version('node', [ociPull?.[0] ?? process.execPath, '--version']),
    ...(ociPull ? [version('oci-pull', [...ociPull, '--version'])] : []),
  ]);
  return [
    `${new Date().toISOString().slice(0, 10)}, ${processors.length} × ${processors[0]?.model ?? '?'}, ${memory}, ` +
      `Linux ${kernelVersion()}, files on ${fileSystem || 'an unknown file system'}.`,
    `${versions.join(', ')}.`,
  ];
}

/** `name 1.2.3`: the first thing that looks like a version. */
async function version(name: string, command: readonly string[]): Promise<string> {
  const printed = await run(command).catch(() => '');
  return `${name} ${/\d+(?:\.\d+)+(?:-[\w.]+)?/.exec(printed)?.[0] ?? '?'}`;
}

/** Without patch level and vendor: `6.18`. */
function kernelVersion(): string {
  return /^\d+\.\d+/.exec(release())?.[0] ?? '?';
}
