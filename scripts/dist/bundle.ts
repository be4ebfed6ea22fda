// The JavaScript of dist/: one bundle each for the action, the command line, the worker threads and the root process, and the doors to them.
import { chmod, mkdir, readFile, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { type BuildOptions, build, type Metafile, type Plugin } from 'esbuild';

/** Bundles behind a door carry `.bundle` in their name; the others are only ever started by one of them. */
const ENTRY_POINTS = { 'cli.bundle': 'src/cli.ts', worker: 'src/worker.ts', elevated: 'src/elevated.ts' };
/**
 * What the action imports only when it needs it stands in files of its own, index.*.js: to read past the cache library took a seventh
 * of the processor time up to the check of the inputs, 151 instead of 177 ms. A name without a hash is the same after each change.
 */
const SPLIT = {
  entryPoints: { 'index.bundle': 'src/index.ts' },
  splitting: true,
  chunkNames: 'index.[name]',
} satisfies BuildOptions;

/**
 * CommonJS dependencies call `require` for Node's own modules, which an ES module does not have. The alias matters: a
 * plain `createRequire` would collide with the same import inside a dependency.
 */
const REQUIRE_BANNER =
  "import { createRequire as __createRequire } from 'node:module'; const require = __createRequire(import.meta.url);";

/**
 * Writes the bundles and doors into `outDirectory` and returns what went into them. Not minified, so that the committed
 * output can be reviewed; no source maps, because readable output makes them megabytes without use.
 */
export async function writeBundles(root: string, outDirectory: string): Promise<Metafile> {
  await mkdir(outDirectory, { recursive: true });
  const common = {
    absWorkingDir: root,
    outdir: outDirectory,
    bundle: true,
    platform: 'node',
    target: 'node24',
    format: 'esm',
    charset: 'utf8',
    legalComments: 'eof',
    external: ['*.node', '@mongodb-js/*'],
    banner: { js: REQUIRE_BANNER },
    plugins: [packageIdentity(root)],
    metafile: true,
    logLevel: 'warning',
  } satisfies BuildOptions;
  const whole = await build({ ...common, entryPoints: ENTRY_POINTS });
  const split = await build({ ...common, ...SPLIT });
  const outputs = { ...whole.metafile.outputs, ...split.metafile.outputs };
  for (const path of Object.keys(outputs)) await normalizeLineEnds(resolve(root, path));
  await writeDoors(outDirectory);
  return { inputs: { ...whole.metafile.inputs, ...split.metafile.inputs }, outputs };
}

/** Of package.json only what the program says of itself: dist/ must not become stale by a change of a script's name. */
function packageIdentity(root: string): Plugin {
  return {
    name: 'package-identity',
    setup: ({ onLoad }) =>
      onLoad({ filter: /package\.json$/ }, async ({ path }) => {
        if (path !== join(root, 'package.json')) return undefined;
        const { name, version } = JSON.parse(await readFile(path, 'utf8')) as Record<string, string>;
        return { contents: JSON.stringify({ name, version }), loader: 'json' };
      }),
  };
}

async function writeDoors(outDirectory: string): Promise<void> {
  await writeFile(join(outDirectory, 'index.js'), door('index.bundle.js'));
  await writeFile(join(outDirectory, 'cli.js'), `#!/usr/bin/env node\n${door('cli.bundle.js')}`);
  await chmod(join(outDirectory, 'cli.js'), 0o755);
  await writeFile(join(outDirectory, 'package.json'), '{ "type": "module" }\n');
}

/**
 * The version check lives in a file of its own: a Node too old for the bundle already fails while it parses or links it,
 * before any statement inside could speak.
 */
function door(bundle: string): string {
  return `// Built by scripts/build.ts. Written so that any Node with ES modules can run it far enough to say what is wrong.
if (Number(process.versions.node.split('.')[0]) < 24) {
  console.error('oci-pull needs Node 24 or later; this is Node ' + process.versions.node);
  process.exitCode = 2;
} else {
  import('./${bundle}');
}
`;
}

/** Git stores LF only; comments of dependencies come with CRLF too, and would make a fresh clone look stale. */
async function normalizeLineEnds(file: string): Promise<void> {
  const text = await readFile(file, 'utf8');
  if (text.includes('\r\n')) await writeFile(file, text.replaceAll('\r\n', '\n'));
}
