import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatPlatform, hostPlatform, normalizePlatform, parsePlatform } from '../../src/oci/platform.ts';
import { thrown } from '../support/pull-error.ts';

describe('parsePlatform', () => {
  it.each([
    ['linux/amd64', 'linux/amd64'],
    ['linux/amd64/v1', 'linux/amd64'],
    ['linux/amd64/v3', 'linux/amd64/v3'],
    ['Linux/x86_64', 'linux/amd64'],
    ['linux/x86-64/v2', 'linux/amd64/v2'],
    ['linux/i386', 'linux/386'],
    ['linux/aarch64', 'linux/arm64'],
    ['linux/Aarch64/V8', 'linux/arm64'],
    ['linux/arm64/8', 'linux/arm64'],
    ['linux/arm64/v8', 'linux/arm64'],
    ['linux/arm64/v8.0', 'linux/arm64'],
    ['linux/arm64/v8.1', 'linux/arm64/v8.1'],
    ['linux/arm64/9', 'linux/arm64/v9'],
    ['linux/arm64/9.0', 'linux/arm64/v9'],
    ['linux/arm64/v9.2', 'linux/arm64/v9.2'],
    ['linux/arm', 'linux/arm/v7'],
    ['linux/arm/7', 'linux/arm/v7'],
    ['linux/arm/v6', 'linux/arm/v6'],
    ['linux/arm/5', 'linux/arm/v5'],
    ['linux/armhf', 'linux/arm/v7'],
    ['linux/armel', 'linux/arm/v6'],
    ['linux/s390x', 'linux/s390x'],
    ['linux/ppc64le', 'linux/ppc64le'],
    ['linux/riscv64/rva20u64', 'linux/riscv64/rva20u64'],
    ['macOS/arm64', 'darwin/arm64'],
    ['windows/amd64', 'windows/amd64'],
    ['windows(10.0.17763)/amd64', 'windows(10.0.17763)/amd64'],
    ['wasi/wasm', 'wasi/wasm'],
    ['arm64', 'linux/arm64'],
    ['x86_64', 'linux/amd64'],
    ['i386', 'linux/386'],
    ['armel', 'linux/arm/v6'],
    ['s390x', 'linux/s390x'],
  ])('reads %s as %s', (text, expected) => {
    expect(formatPlatform(parsePlatform(text))).toBe(expected);
  });

  it.each([
    '',
    '/',
    'linux',
    'windows(10.0.17763)',
    '/linux/arm',
    'linux/arm/',
    'linux//v7',
    'linux /arm',
    'linux/&arm',
    'linux/*',
    'linux/arm/foo/bar',
    'linux(/amd64',
    'linux()/amd64',
    'linux/amd64\n',
  ])('refuses "%s"', (text) => {
    thrown('INPUT_INVALID', () => parsePlatform(text));
  });

  it('reads back what was formatted', () => {
    const word = fc.stringMatching(/^[a-zA-Z0-9][a-zA-Z0-9_.-]{0,8}$/);
    const architecture = fc.oneof(word, fc.constantFrom('arm', 'arm64', 'amd64', 'armhf', 'i386'));
    const variant = fc.oneof(word, fc.constantFrom('v6', '8', 'v8.0', '9.1', 'v1'));
    fc.assert(
      fc.property(
        fc.record(
          { os: word, architecture, variant, osVersion: word },
          { requiredKeys: ['os', 'architecture'] },
        ),
        (platform) => {
          const normal = normalizePlatform(platform);
          expect(parsePlatform(formatPlatform(normal))).toEqual(normal);
          expect(normalizePlatform(normal)).toEqual(normal);
        },
      ),
    );
  });
});

describe('formatPlatform', () => {
  it('escapes foreign text that could mislead a reader', () => {
    const odd = { os: 'li\nnux', architecture: 'a/b', variant: '\ud800', osVersion: '1) (2' };
    expect(formatPlatform(odd)).toBe('li%0Anux(1%29%20%282)/a%2Fb/%EF%BF%BD');
  });
});

describe('normalizePlatform', () => {
  it('keeps the version and the features of the operating system', () => {
    const platform = { os: 'Windows', architecture: 'AMD64', osVersion: '10.0', osFeatures: ['win32k'] };
    expect(normalizePlatform(platform)).toEqual({ ...platform, os: 'windows', architecture: 'amd64' });
  });

  it.each(['constructor', '__proto__', 'toString'])('knows no alias %s', (architecture) => {
    expect(normalizePlatform({ os: 'linux', architecture }).architecture).toBe(architecture.toLowerCase());
  });
});

describe('hostPlatform', () => {
  it.each([
    ['x64', 'linux/amd64'],
    ['arm64', 'linux/arm64'],
    ['arm', 'linux/arm/v7'],
    ['ia32', 'linux/386'],
    ['ppc64', 'linux/ppc64le'],
    ['s390x', 'linux/s390x'],
    ['riscv64', 'linux/riscv64'],
    ['loong64', 'linux/loong64'],
  ])('is for %s %s', (nodeArch, expected) => {
    expect(formatPlatform(hostPlatform(nodeArch))).toBe(expected);
  });
});
