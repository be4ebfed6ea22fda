// A large zstd:chunked image from a server that cuts every connection after 256 KiB and fails a fifth of all requests.
// OCI_PULL_TEST_BIG_MB sets its size, 300 for the full one; with OCI_PULL_TEST_BIG_WAITS=real the program waits as long
// between attempts as it does for users.
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { writeBigImage } from '../support/big-image.ts';
import { runProgram } from '../support/program.ts';
import { startRegistry } from '../support/registry.ts';
import { seedFrame } from '../support/seed-frame.ts';

const MEGABYTES = Number(process.env.OCI_PULL_TEST_BIG_MB ?? 64);
const REAL_WAITS = process.env.OCI_PULL_TEST_BIG_WAITS === 'real';
const KIBIBYTES = 256;
const directory = mkdtempSync(join(tmpdir(), 'big-pull-'));
afterAll(() => rmSync(directory, { recursive: true, force: true }));

describe(`an image of ${MEGABYTES} MB from a server that fails all the time`, () => {
  it.for([
    ['ranges', 2],
    ['whole', 1],
  ] as const)(
    'taken by way of %s comes with hardly a byte more than it has',
    { timeout: 600_000 },
    async ([way, copies], { annotate }) => {
      const layout = join(directory, way);
      const image = writeBigImage(layout, { megabytes: MEGABYTES, copies });
      const home = mkdtempSync(join(directory, 'home-'));
      await using registry = await startRegistry({
        images: [{ repository: 'fx', layout }],
        faults: [
          { kind: 'cut', bytes: KIBIBYTES * 1024, on: '/blobs/' },
          { kind: 'status', status: 503, share: 0.2 },
        ],
      });
      if (way === 'ranges') await seedFrame(join(home, 'cache'));
      const args = [`${registry.host}/fx:v1`, join(home, 'rootfs'), '--cache-dir', join(home, 'cache')];
      const { result, stderr, seconds } = await runProgram([...args, '--platform', 'linux/amd64'], {
        home,
        realWaits: REAL_WAITS,
      });
      expect(stderr).not.toMatch(/^(?:error|code):/m);
      const sent = registry.requests.reduce((sum, one) => sum + (one.status < 300 ? one.sent : 0), 0);
      const failed = registry.requests.filter(({ status }) => status === 503).length;
      const { length } = registry.requests;
      await annotate(
        `${MEGABYTES} MB, ${way}: ${seconds.toFixed(1)} s, ${length} requests of which ${failed} failed; ` +
          `${(result?.['bytes-downloaded'] ?? 0) / image.size} sizes received, ${sent / image.size} sent`,
      );
      expect(result?.layers.map((layer) => layer.way)).toEqual([way]);
      expect(result?.['bytes-downloaded']).toBeLessThanOrEqual(1.02 * image.size);
      // What was sent and never read lay in buffers when the connection was cut: it counts against us all the same.
      expect(sent).toBeLessThanOrEqual(1.02 * image.size);
      expect(length).toBeGreaterThan(image.size / (KIBIBYTES * 1024));
      expect(failed / length).toBeGreaterThan(0.1);
      for (const { name, size } of image.files) expect(statSync(join(home, 'rootfs', name)).size).toBe(size);
      rmSync(home, { recursive: true });
    },
  );
});
