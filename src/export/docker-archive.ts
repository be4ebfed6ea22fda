// The archive that `docker save` writes and `docker load` reads.
// https://github.com/moby/docker-image-spec/blob/main/v1.2.md#combined-image-json--filesystem-changeset-format
import { digestHex } from '../oci/digest.ts';
import { type Exporter, type ExporterOptions, NOTHING_SKIPPED } from './exporter.ts';
import { type ImageFiles, json, putFile } from './image-files.ts';
import { createLayerFiles } from './layer-files.ts';

/** Layers are tar streams under the names of their diff_ids. */
export function createDockerExporter(
  { output, layers, limits }: ExporterOptions,
  files: ImageFiles,
): Exporter {
  const names = layers.map(({ diffId }) => `${digestHex(diffId)}.tar`);
  return {
    ...createLayerFiles(files, names, limits),
    finish: () => {
      const { config, repoTags } = output;
      const Config = `${digestHex(config.digest)}.json`;
      putFile(files, Config, config.bytes);
      putFile(files, 'manifest.json', json([{ Config, RepoTags: repoTags, Layers: names }]));
      const top = layers.at(-1);
      if (top && repoTags.length > 0)
        putFile(files, 'repositories', json(repositoriesOf(repoTags, digestHex(top.diffId))));
      files.finish();
      return { skipped: NOTHING_SKIPPED };
    },
    abort: () => files.abort(),
  };
}

/** Repository → tag → id of the uppermost layer. Only Docker before 1.10 reads it. */
function repositoriesOf(repoTags: readonly string[], top: string): Record<string, Record<string, string>> {
  const cut = repoTags.map((name) => [
    name.slice(0, name.lastIndexOf(':')),
    name.slice(name.lastIndexOf(':') + 1),
  ]);
  return Object.fromEntries(cut.map(([repository = '', tag = '']) => [repository, { [tag]: top }]));
}
