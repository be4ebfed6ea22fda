// `node scripts/e2e/check.ts cold|warm|update`: do the outputs of the action tell the truth about such a pull? They come in the
// environment, as HIT, DOWNLOADED, FROM_CACHE and TOTAL.
import { ok } from 'node:assert/strict';

const { HIT, DOWNLOADED, FROM_CACHE, TOTAL } = process.env;
const [downloaded, fromCache, total] = [DOWNLOADED, FROM_CACHE, TOTAL].map((text) =>
  Number.parseInt(text ?? '', 10),
);
if (downloaded === undefined || fromCache === undefined || !total) throw new Error('outputs are missing');
console.log({ hit: HIT, downloaded, fromCache, total });

switch (process.argv[2]) {
  case 'cold':
    ok(HIT === 'false' && fromCache === 0 && downloaded >= total / 2, 'everything comes from the registry');
    break;
  case 'warm':
    ok(HIT === 'true' && downloaded === 0, 'nothing comes from the registry');
    break;
  case 'update':
    ok(downloaded * 5 < total && fromCache * 2 > total, 'only what is new comes from the registry');
    break;
  default:
    throw new Error('usage: check.ts cold|warm|update');
}
