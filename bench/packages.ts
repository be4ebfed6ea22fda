// What is in the reference image, and what its update changes.

export type Version = 'v1' | 'v2';
export const VERSIONS: readonly Version[] = ['v1', 'v2'];

export const DEBIAN_SUITE = 'bookworm';
export const DEBIAN_MIRROR = 'http://deb.debian.org/debian';

/** v1 is the point release; v2 has this suite's updates too, as a rebuild of the same image would. */
export const DEBIAN_SOURCES: Record<Version, readonly string[]> = {
  v1: [`deb ${DEBIAN_MIRROR} ${DEBIAN_SUITE} main`],
  v2: [
    `deb ${DEBIAN_MIRROR} ${DEBIAN_SUITE} main`,
    `deb http://deb.debian.org/debian-security ${DEBIAN_SUITE}-security main`,
  ],
};

export const DEBIAN_PACKAGES = ['gcc', 'g++', 'make', 'python3', 'git', 'ca-certificates', 'curl'];

/** No file of the image is younger, so that a second build makes the same image. */
export const EPOCH = '2025-06-01T00:00:00Z';

/** Versions of indirect npm dependencies are those of this day. */
export const NPM_BEFORE = '2026-06-01';

const NPM_BOTH = {
  '@angular/cdk': '19.2.16',
  '@angular/common': '19.2.10',
  '@angular/material': '19.2.16',
  '@babel/core': '7.27.1',
  '@babel/preset-env': '7.27.2',
  '@fluentui/react': '8.121.13',
  'core-js': '3.42.0',
  eslint: '9.27.0',
  express: '5.1.0',
  jest: '29.7.0',
  lodash: '4.17.21',
  mongodb: '6.16.0',
  prettier: '3.5.3',
  react: '19.1.0',
  'react-dom': '19.1.0',
  rxjs: '7.8.2',
  storybook: '8.6.12',
  three: '0.176.0',
  vite: '6.3.5',
  webpack: '5.99.9',
  'webpack-cli': '6.0.1',
};

export const NPM_PACKAGES: Record<Version, Record<string, string>> = {
  v1: {
    ...NPM_BOTH,
    '@angular/core': '19.2.10',
    '@mui/material': '7.0.2',
    antd: '5.25.1',
    'date-fns': '4.0.0',
    effect: '3.10.18',
    'lodash-es': '4.17.21',
    moment: '2.30.1',
    'playwright-core': '1.51.1',
    typescript: '5.7.3',
  },
  v2: {
    ...NPM_BOTH,
    '@angular/core': '19.2.14',
    '@mui/material': '7.1.0',
    antd: '5.25.4',
    'date-fns': '4.1.0',
    effect: '3.11.5',
    'playwright-core': '1.52.0',
    ramda: '0.30.1',
    typescript: '5.8.3',
    zod: '3.25.42',
  },
};
