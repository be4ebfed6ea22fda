// nginx in front of docker-registry, set up as people do: TLS, caches, compression, limits.
import { beforeAll, describe, expect, it } from 'vitest';
import { createAuthority } from '../support/certificates.ts';
import { skipUnless } from '../support/daemon.ts';
import { type DockerRegistry, startDockerRegistry } from '../support/docker-registry.ts';
import { startNginx } from '../support/nginx.ts';
import { temporaryDirectories } from '../support/temporary.ts';
import { expectTree, FORMATS, fillRegistry, NAME, pullFrom, wayOf } from './room.ts';

const newDirectory = temporaryDirectories();
const data = newDirectory();

describe.skipIf(skipUnless('docker-registry', 'nginx', 'openssl'))('nginx', () => {
  let registry: DockerRegistry;
  beforeAll(async () => {
    await fillRegistry(data);
    registry = await startDockerRegistry({ data });
    return () => registry.close();
  });

  const start = (options: Omit<Parameters<typeof startNginx>[0], 'upstream'>) =>
    startNginx({ upstream: registry.host, ...options });

  describe('with a certificate of an own authority', () => {
    const authority = createAuthority(newDirectory());
    const tls = authority.issue(`IP:${NAME}`);

    it.each(FORMATS)('serves %s to who trusts it by NODE_EXTRA_CA_CERTS', async (format) => {
      await using nginx = await start({ tls });
      const env = { NODE_EXTRA_CA_CERTS: authority.path };
      expectTree(await pullFrom({ host: `${NAME}:${nginx.port}`, format, env }), wayOf(format));
    });

    it('serves who trusts it by --ca-file', async () => {
      await using nginx = await start({ tls });
      const args = ['--ca-file', authority.path];
      expectTree(await pullFrom({ host: `${NAME}:${nginx.port}`, format: 'gzip', args }), 'whole');
    });

    it('is refused by who does not', async () => {
      await using nginx = await start({ tls });
      const { stderr } = await pullFrom({ host: `${NAME}:${nginx.port}`, format: 'gzip' });
      expect(stderr).toMatch(/^code: TLS_FAILED$/m);
      expect(stderr).toMatch(/^hint: .*(?:certificate|ca-file)/m);
      expect(nginx.log()).toEqual([]);
    });

    it('is refused where the certificate names another host', async () => {
      await using nginx = await start({ tls: authority.issue('DNS:elsewhere.test') });
      const env = { NODE_EXTRA_CA_CERTS: authority.path };
      const { stderr } = await pullFrom({ host: `${NAME}:${nginx.port}`, format: 'gzip', env });
      expect(stderr).toMatch(/^code: TLS_FAILED$/m);
    });

    it('serves anybody who does not care', async () => {
      await using nginx = await start({ tls });
      const args = ['--tls-verify=false'];
      expectTree(await pullFrom({ host: `${NAME}:${nginx.port}`, format: 'gzip', args }), 'whole');
    });
  });

  it('that takes no header line above 8 KiB never gets one', async () => {
    await using nginx = await start({ http: 'large_client_header_buffers 4 8k;' });
    expectTree(await pullFrom({ host: nginx.host, format: 'zstd-chunked' }), 'ranges');
    expect(nginx.log().filter(({ status }) => status === '400')).toEqual([]);
  });

  it.each(FORMATS)('that strips ranges serves %s', async (format) => {
    await using nginx = await start({ location: 'proxy_set_header Range "";' });
    const run = await pullFrom({ host: nginx.host, format });
    expectTree(run, 'whole');
    expect(nginx.log().every(({ status }) => status === '200')).toBe(true);
    expect(run.stdout.includes('ignores ranges')).toBe(format === 'zstd-chunked');
  });

  it('that allows one range only is asked for one only', async () => {
    await using nginx = await start({ location: 'proxy_force_ranges on; max_ranges 1;' });
    expectTree(await pullFrom({ host: nginx.host, format: 'zstd-chunked' }), 'ranges');
    const ranges = nginx.log().filter(({ range }) => range !== '');
    expect(ranges.length).toBeGreaterThan(0);
    expect(ranges.every(({ range, status }) => /^bytes=\d+-\d+$/.test(range) && status === '206')).toBe(true);
  });

  it('that caches slices serves them all the second time', async () => {
    const location = `slice 256k; proxy_cache blobs; proxy_cache_key $uri$slice_range;
      proxy_set_header Range $slice_range; proxy_cache_valid 200 206 1h;`;
    await using nginx = await start({ location });
    expectTree(await pullFrom({ host: nginx.host, format: 'zstd-chunked' }), 'ranges');
    const before = nginx.log().length;
    expectTree(await pullFrom({ host: nginx.host, format: 'zstd-chunked' }), 'ranges');
    const second = nginx.log().slice(before);
    expect(second.length).toBeGreaterThan(3);
    expect(second.map(({ cache }) => cache)).toEqual(second.map(() => 'HIT'));
  });

  it.each(FORMATS)('that would compress anything is not asked to: %s', async (format) => {
    await using nginx = await start({
      location: 'gzip on; gzip_types *; gzip_proxied any; gzip_min_length 0;',
    });
    const eager = await fetch(`http://${nginx.host}/v2/`, { headers: { 'accept-encoding': 'gzip' } });
    expect(eager.headers.get('content-encoding')).toBe('gzip');
    expectTree(await pullFrom({ host: nginx.host, format }), wayOf(format));
    const own = nginx.log().filter(({ agent }) => agent.startsWith('oci-pull'));
    expect(own.length).toBeGreaterThan(3);
    expect(own.every(({ coding, accepts }) => coding === '' && accepts === 'identity')).toBe(true);
  });

  it('that limits the rate of requests is waited for', async () => {
    const http = 'limit_req_zone $server_port zone=few:1m rate=2r/s; limit_req_status 429;';
    await using nginx = await start({ http, location: 'limit_req zone=few burst=2 nodelay;' });
    expectTree(await pullFrom({ host: nginx.host, format: 'gzip' }), 'whole');
    expect(nginx.log().some(({ status }) => status === '429')).toBe(true);
  });
});
