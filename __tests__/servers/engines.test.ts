// Images handed to the real engines.
import { createHash, randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { runCli, scratch } from '../support/cli.ts';
import { skipUnless } from '../support/daemon.ts';
import { setUpPodman, startDocker } from '../support/engines.ts';
import { run } from '../support/peers.ts';
import { startRegistry } from '../support/registry.ts';
import { buildStargzLayer } from '../support/stargz-layer.ts';
import { isRoot } from '../support/tree.ts';
import { writeLayout } from '../support/write-layout.ts';

const withRoot = isRoot() ? undefined : 'engines need root';
/** So that chunks of large files stand alone, and can be had without the rest. */
const CHUNK = 256 << 10;
const SHARED = randomBytes(8 * CHUNK);

function layerOf(tag: string) {
  const built = buildStargzLayer(
    [
      { name: 'etc/', type: '5', mode: 0o755 },
      { name: 'etc/shared', body: SHARED },
      { name: 'etc/version', body: Buffer.from(tag) },
    ],
    { chunkSize: CHUNK },
  );
  return { ...built, ...built.descriptor };
}

/** Loads an image, and then its next version, of which only a part is downloaded. */
async function loadBoth(engine: 'docker' | 'podman', env: Record<string, string>) {
  using dir = scratch();
  for (const tag of ['v1', 'v2']) {
    const layer = layerOf(tag);
    writeLayout(dir.in(`layout-${tag}`), tag, [layer]);
    await using registry = await startRegistry({
      images: [{ repository: 'app', layout: dir.in(`layout-${tag}`) }],
    });
    const image = `${registry.host}/app:${tag}`;
    const places = [dir.in(`${tag}.tar`), '--load', engine, '--cache-dir', dir.in('cache')];
    const loaded = await runCli([image, ...places, '--platform', 'linux/amd64', '--json', '--quiet'], {
      env,
    });
    expect([loaded.status, loaded.stderr]).toEqual([0, '']);
    if (tag === 'v2')
      expect(JSON.parse(loaded.stdout)['bytes-downloaded']).toBeLessThan(0.5 * layer.blob.length);
    const assignments = Object.entries(env).map(([name, value]) => `${name}=${value}`);
    const [known] = JSON.parse(run('env', ...assignments, engine, 'image', 'inspect', image));
    const config = readFileSync(JSON.parse(loaded.stdout)['config-path']);
    expect(known.Id.replace('sha256:', '')).toBe(createHash('sha256').update(config).digest('hex'));
    expect(known.RootFS.Layers).toEqual([layer.diffId]);
    expect(known.RepoTags).toEqual([image]);
  }
}

describe('an image that travelled in parts', () => {
  it.skipIf(withRoot ?? skipUnless('dockerd', 'docker'))(
    'is in Docker under its own ID',
    async ({ skip }) => {
      using dir = scratch();
      await using docker = await startDocker(dir.path);
      if (!docker) return skip('dockerd does not run on this machine');
      await loadBoth('docker', docker.env);
    },
  );

  it.skipIf(withRoot ?? skipUnless('podman'))('is in podman under its own ID', async ({ skip }) => {
    using dir = scratch();
    const podman = setUpPodman(dir.path);
    if (!podman) return skip('podman does not run on this machine');
    await loadBoth('podman', podman.env);
  });
});

describe('an oci-archive', () => {
  it.skipIf(withRoot ?? skipUnless('podman'))(
    'is known to podman by the name of the image in its registry',
    async ({ skip }) => {
      using dir = scratch();
      const podman = setUpPodman(dir.in('podman'));
      if (!podman) return skip('podman does not run on this machine');
      writeLayout(dir.in('layout'), 'v1', [layerOf('v1')]);
      await using registry = await startRegistry({
        images: [{ repository: 'team/app', layout: dir.in('layout') }],
      });
      const image = `${registry.host}/team/app:v1`;
      const places = [dir.in('image.tar'), '--format=oci-archive', '--cache-dir', dir.in('cache')];
      const { status } = await runCli([image, ...places, '--platform=linux/amd64'], {});
      expect(status).toBe(0);
      const assignments = Object.entries(podman.env).map(([name, value]) => `${name}=${value}`);
      const said = run('env', ...assignments, 'podman', 'load', '--quiet', '--input', dir.in('image.tar'));
      expect(said.trim()).toBe(`Loaded image: ${image}`);
    },
  );
});
