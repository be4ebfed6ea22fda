// The archive that `docker save` writes and `docker load` reads.
// https://github.com/moby/docker-image-spec/blob/main/v1.2.md#combined-image-json--filesystem-changeset-format
import { Quota } from '../unpack/quota.ts';
import { type Exporter, type ExporterOptions, NOTHING_SKIPPED } from './exporter.ts';
import { type ImageFiles, putFile } from './image-files.ts';
import { json } from './layout.ts';

/** Layers are tar streams under the names of their diff_ids. */
export function createDockerExporter(
  { output, layers, limits }: ExporterOptions,
  files: ImageFiles,
): Exporter {
  const quota = new Quota(limits);
  const names = layers.map(({ diffId }) => `${hexOf(diffId)}.tar`);
  let isOpen = false;
  return {
    beginLayer: (index) => {
      const name = names[index] ?? '';
      // The same layer may stand in an image twice.
      isOpen = !files.has(name);
      if (isOpen) files.begin(name);
    },
    write: (bytes) => {
      quota.countStream(bytes.length);
      if (isOpen) files.write(bytes);
    },
    endLayer: () => {
      if (isOpen) files.end();
      return 0;
    },
    finish: () => {
      const { config, repoTags } = output;
      const Config = `${hexOf(config.digest)}.json`;
      putFile(files, Config, config.bytes);
      putFile(files, 'manifest.json', json([{ Config, RepoTags: repoTags, Layers: names }]));
      const top = layers.at(-1);
      if (top && repoTags.length > 0)
        putFile(files, 'repositories', json(repositoriesOf(repoTags, hexOf(top.diffId))));
      files.finish();
      return { skipped: NOTHING_SKIPPED };
    },
    abort: () => files.abort(),
  };
}

function hexOf(digest: string): string {
  return digest.slice(digest.indexOf(':') + 1);
}

/** Repository → tag → id of the uppermost layer. Only Docker before 1.10 reads it. */
function repositoriesOf(repoTags: readonly string[], top: string): Record<string, Record<string, string>> {
  const cut = repoTags.map((name) => [
    name.slice(0, name.lastIndexOf(':')),
    name.slice(name.lastIndexOf(':') + 1),
  ]);
  return Object.fromEntries(cut.map(([repository = '', tag = '']) => [repository, { [tag]: top }]));
}
