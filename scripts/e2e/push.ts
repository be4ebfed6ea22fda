// `node scripts/e2e/push.ts HOST REPOSITORY FORMAT`: pushes a fixture image, tags and all, unchanged to a registry on plain http.
import { join } from 'node:path';
import { pushLayout } from '../../__tests__/support/docker-registry.ts';

const [host, repository, format] = process.argv.slice(2);
if (!host || !repository || !format) throw new Error('usage: push.ts HOST REPOSITORY FORMAT');
await pushLayout(host, repository, join(import.meta.dirname, '../../__tests__/fixtures/image', format));
console.log(`pushed ${format} to ${host}/${repository}`);
