// One job of a race, as a process of its own: saves packs whose keys it shares with the others, and writes report.json.
// It says "ready" on stderr and starts when its stdin ends.
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { isCacheBackend, openCache } from '../../src/cache/choose-backend.ts';
import { saveToCache } from '../../src/cache/save.ts';
import { imageIdentity, makePack, NOON, PREFIX } from './cache-flow.ts';

const tempDirectory = process.env.RUNNER_TEMP ?? '';
const packs = await Promise.all(
  ['one', 'two', 'three'].map((name, i) => makePack(tempDirectory, name, 100_000 * (i + 1))),
);
const ignore = () => undefined;
const backend = process.env.CACHE_BACKEND ?? '';
if (!isCacheBackend(backend)) throw new Error('CACHE_BACKEND is not set');
const { env } = process;
const cache = openCache({ backend, env, tempDirectory, log: ignore, debug: ignore, onSecret: ignore });
process.stderr.write('ready\n');
await text(process.stdin);
const started = performance.now();
const report = await saveToCache(
  { prefix: PREFIX, restored: { image: imageIdentity(), packs: [] }, newPacks: packs, livePacks: packs },
  {
    cache,
    tempDirectory,
    now: NOON,
    signal: new AbortController().signal,
    log: ignore,
    patience: { looks: 100, intervalMs: 200, throttledMs: 5000, watchMs: 10_000 },
  },
);
await writeFile(
  join(tempDirectory, 'report.json'),
  JSON.stringify({ ...report, milliseconds: performance.now() - started }),
);
