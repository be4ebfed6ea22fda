// A pack as large as they come goes through the direct client without ever being in memory: /proc tells, so on Linux only.
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, open, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';

const SIZE = 1024 ** 3;
/** Some 130 MiB are the program itself, and 200 to 225 were seen with packs of 300 MB. */
const MOST_MIB = 300;
const double = join(import.meta.dirname, '../support/cache-service-cli.ts');
const client = join(import.meta.dirname, '../../bench/cache-client.ts');

it.runIf(process.platform === 'linux')(
  'saves and restores a sparse pack of 1 GiB in little memory',
  async () => {
    const root = await mkdtemp(join(tmpdir(), 'gigabyte-'));
    // In a process of its own, which keeps of zeros only how many there are.
    const service = spawn(process.execPath, [double], { stdio: ['ignore', 'pipe', 'inherit'] });
    try {
      const [line] = await once(service.stdout, 'data');
      const env = { ...process.env, ...JSON.parse(String(line)).env, BACKEND: 'direct', RUNNER_TEMP: root };
      const run = async (action: string, file: string) => {
        const { stderr } = await promisify(execFile)(process.execPath, [client, action, file], { env });
        return JSON.parse(stderr.trim().split('\n').at(-1) ?? '') as { outcome: unknown; peakMiB: number };
      };
      const [source, target] = [join(root, 'source'), join(root, 'target')];
      await using file = await open(source, 'w+');
      await file.truncate(SIZE);
      await file.write('mark', SIZE - 1000);
      const saved = await run('save', source);
      expect(saved.outcome).toEqual({ kind: 'saved' });
      const restored = await run('restore', target);
      expect(restored.outcome).toBe('bench-1');
      expect((await stat(target)).size).toBe(SIZE);
      await using copy = await open(target, 'r');
      const { buffer } = await copy.read(Buffer.alloc(4), 0, 4, SIZE - 1000);
      expect(buffer.toString()).toBe('mark');
      for (const { peakMiB } of [saved, restored]) {
        expect(peakMiB).toBeGreaterThan(0);
        expect(peakMiB).toBeLessThan(MOST_MIB);
      }
    } finally {
      service.kill();
      await once(service, 'exit');
      await rm(root, { recursive: true, force: true });
    }
  },
  120_000,
);
