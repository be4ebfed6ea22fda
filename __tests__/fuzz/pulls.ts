// Pulls by the built program from a registry in this process. All share one store, so that chunks of other images turn up in it.
import { existsSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { type CliJson, runCli, scratch } from '../support/cli.ts';
import { startRegistry } from '../support/registry.ts';
import { type BuiltLayer, writeLayout } from '../support/write-layout.ts';
import { openArena } from './arena.ts';

export interface Pulls extends AsyncDisposable {
  /** See Arena. */
  readonly outside: string;
  /** Serves an image, and makes a place for what is pulled of it; that of the image before is gone. */
  serve(layers: readonly BuiltLayer[]): ServedImage;
  /** The ways by which layers came: cached, ranges, whole. */
  readonly ways: Set<string>;
}

export interface ServedImage {
  /** Pulls into the directory of that name. */
  pull(name: string): Promise<PullOutcome>;
}

export type PullOutcome =
  | { readonly kind: 'done'; readonly root: string; readonly result: CliJson }
  /** `complaint`: all of standard error. */
  | { readonly kind: 'failed'; readonly code: string; readonly complaint: string };

export async function openPulls(): Promise<Pulls> {
  const arena = openArena();
  const directory = scratch();
  const images: { repository: string; layout: string }[] = [];
  const registry = await startRegistry({ images });
  const ways = new Set<string>();
  let count = 0;

  async function pull(repository: string, destination: string): Promise<PullOutcome> {
    const args = [`${registry.host}/${repository}:it`, destination, '--cache-dir', directory.in('cache')];
    const run = await runCli([...args, '--platform', 'linux/amd64', '--json', '--quiet']);
    if (run.status === 0) {
      const result = JSON.parse(run.stdout) as CliJson;
      for (const { way } of result.layers) ways.add(way);
      return { kind: 'done', root: destination, result };
    }
    if (existsSync(destination)) throw new Error(`a failed pull left ${destination}`);
    const code = /^code: (\w+)$/m.exec(run.stderr)?.[1] ?? `status ${run.status}`;
    return { kind: 'failed', code, complaint: run.stderr };
  }

  return {
    outside: arena.outside,
    ways,
    serve(layers) {
      const repository = `fuzz-${count++}`;
      const place = arena.fresh();
      for (const { layout } of images.splice(0)) rmSync(layout, { recursive: true, force: true });
      const layout = directory.in(repository);
      writeLayout(layout, 'it', layers);
      images.push({ repository, layout });
      return { pull: (name) => pull(repository, join(place, name)) };
    },
    async [Symbol.asyncDispose]() {
      await registry.close();
      directory[Symbol.dispose]();
      arena[Symbol.dispose]();
    },
  };
}
