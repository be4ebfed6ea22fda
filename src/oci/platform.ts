// Platforms: operating system, architecture and variant, in the spelling of the Go language.
// https://github.com/opencontainers/image-spec/blob/main/image-index.md#platform-variants
import { PullError } from '../errors.ts';
import { quote } from './json.ts';

export interface Platform {
  readonly os: string;
  readonly architecture: string;
  readonly variant?: string;
  /** Only Windows images have one that matters. */
  readonly osVersion?: string;
  readonly osFeatures?: readonly string[];
}

const ARCHITECTURE_ALIASES: Readonly<Record<string, readonly [architecture: string, variant?: string]>> = {
  x86_64: ['amd64'],
  'x86-64': ['amd64'],
  i386: ['386', ''],
  aarch64: ['arm64'],
  armhf: ['arm', 'v7'],
  armel: ['arm', 'v6'],
};

/** What a plain architecture stands for: the variant that is left out, or put in, when names are made equal. */
const IMPLIED_VARIANT: Readonly<Record<string, string>> = { amd64: 'v1', arm64: 'v8' };
const DEFAULT_ARM_VARIANT = 'v7';

const COMPONENT = /^[A-Za-z0-9_.-]+$/;
const OPERATING_SYSTEM = /^([A-Za-z0-9_.-]+)(?:\(([A-Za-z0-9_.-]+)\))?$/;

/**
 * Parses `os/architecture[/variant]`, also `os(version)/…` and a lone architecture (Linux), and normalises it.
 * Throws INPUT_INVALID.
 */
export function parsePlatform(text: string): Platform {
  const parts = text.split('/');
  const [first = '', ...rest] = parts.length === 1 && isArchitecture(text) ? ['linux', text] : parts;
  const [, os, osVersion] = OPERATING_SYSTEM.exec(first) ?? [];
  const [architecture, variant] = rest;
  if (os === undefined || architecture === undefined || rest.length > 2 || !rest.every(isComponent))
    throw new PullError('INPUT_INVALID', `${quote(text)} is not a platform`, {
      hint: 'Write it as os/architecture or os/architecture/variant, for example linux/arm64 or linux/arm/v7.',
    });
  return normalizePlatform({
    os,
    architecture,
    ...(variant === undefined ? {} : { variant }),
    ...(osVersion === undefined ? {} : { osVersion }),
  });
}

/** One spelling for platforms that mean the same: lower case, no aliases, no variant that goes without saying. */
export function normalizePlatform(platform: Platform): Platform {
  const { variant: _, ...rest } = platform;
  const named = platform.architecture.toLowerCase();
  const alias = Object.hasOwn(ARCHITECTURE_ALIASES, named) ? ARCHITECTURE_ALIASES[named] : undefined;
  const architecture = alias?.[0] ?? named;
  const variant = alias?.[1] ?? normalizeVariant(architecture, (platform.variant ?? '').toLowerCase());
  const os = platform.os.toLowerCase();
  return { ...rest, os: os === 'macos' ? 'darwin' : os, architecture, ...(variant ? { variant } : {}) };
}

function normalizeVariant(architecture: string, variant: string): string {
  if (architecture !== 'arm' && architecture !== 'arm64' && architecture !== 'amd64') return variant;
  const plain = variant.replace(/^(?=\d)/, 'v').replace(/^(v\d+)\.0$/, '$1');
  if (architecture === 'arm') return plain || DEFAULT_ARM_VARIANT;
  return plain === IMPLIED_VARIANT[architecture] ? '' : plain;
}

/** `os/architecture[/variant]`, with the version of the operating system in brackets where there is one. */
export function formatPlatform(platform: Platform): string {
  const version = platform.osVersion ? `(${escapePart(platform.osVersion)})` : '';
  const variant = platform.variant ? `/${escapePart(platform.variant)}` : '';
  return `${escapePart(platform.os)}${version}/${escapePart(platform.architecture)}${variant}`;
}

/** Platforms of an index are foreign text: what could mislead a reader is percent-encoded. */
function escapePart(part: string): string {
  return encodeURIComponent(part.toWellFormed()).replace(
    /[!'()*~]/g,
    (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}

const NODE_ARCHITECTURES: Readonly<Record<string, string>> = {
  x64: 'amd64',
  ia32: '386',
  ppc64: 'ppc64le',
  mipsel: 'mipsle',
};

/** The platform of images for this machine: always Linux, the architecture from Node's name for it. */
export function hostPlatform(nodeArch: string): Platform {
  const known = Object.hasOwn(NODE_ARCHITECTURES, nodeArch) ? NODE_ARCHITECTURES[nodeArch] : undefined;
  return normalizePlatform({ os: 'linux', architecture: known ?? nodeArch });
}

const ARCHITECTURES: ReadonlySet<string> = new Set([
  ...['386', 'amd64', 'arm', 'arm64', 'loong64', 'mips64le', 'ppc64le', 'riscv64', 's390x'],
  ...Object.keys(ARCHITECTURE_ALIASES),
]);

function isArchitecture(text: string): boolean {
  return ARCHITECTURES.has(text.toLowerCase());
}

function isComponent(text: string): boolean {
  return COMPONENT.test(text);
}
