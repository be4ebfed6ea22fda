// Runs the cache service double as a process of its own: `node cache-service-cli.ts` prints one line of JSON with the
// environment for its clients and serves until SIGTERM. CREATES_PER_MINUTE and LOOKUPS_PER_MINUTE set its limits.
import { CacheService } from './cache-service.ts';

const service = await CacheService.start({
  createsPerMinute: Number(process.env.CREATES_PER_MINUTE ?? Number.POSITIVE_INFINITY),
  lookupsPerMinute: Number(process.env.LOOKUPS_PER_MINUTE ?? Number.POSITIVE_INFINITY),
});
process.stdout.write(`${JSON.stringify({ origin: service.origin, env: service.environment() })}\n`);
process.once('SIGTERM', () => void service.close());
