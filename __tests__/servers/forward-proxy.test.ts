// tinyproxy as the only way out, named in the environment as on machines behind a firewall.
import { beforeAll, describe, expect, it } from 'vitest';
import { createAuthority } from '../support/certificates.ts';
import { skipUnless } from '../support/daemon.ts';
import { type DockerRegistry, startDockerRegistry } from '../support/docker-registry.ts';
import { startForwardProxy } from '../support/forward-proxy.ts';
import { startNginx } from '../support/nginx.ts';
import { temporaryDirectories } from '../support/temporary.ts';
import { expectTree, FORMATS, fillRegistry, NAME, pullFrom, wayOf } from './room.ts';

const newDirectory = temporaryDirectories();
const data = newDirectory();

describe.skipIf(skipUnless('docker-registry', 'nginx', 'openssl', 'tinyproxy'))('a forward proxy', () => {
  const authority = createAuthority(newDirectory());
  const tls = authority.issue(`IP:${NAME}`);
  const trust = { NODE_EXTRA_CA_CERTS: authority.path };
  const HTTP = ['--tls-verify=false'];
  let registry: DockerRegistry;
  beforeAll(async () => {
    await fillRegistry(data);
    registry = await startDockerRegistry({ data });
    return () => registry.close();
  });

  it.each(FORMATS)('carries %s over https in tunnels', async (format) => {
    await using proxy = await startForwardProxy();
    await using nginx = await startNginx({ upstream: registry.host, tls });
    const host = `${NAME}:${nginx.port}`;
    const env = { ...trust, https_proxy: proxy.url };
    expectTree(await pullFrom({ host, format, env }), wayOf(format));
    const requests = proxy.requests();
    expect(requests.length).toBeGreaterThan(0);
    expect(requests.length).toBeLessThanOrEqual(nginx.log().length);
    expect(new Set(requests)).toEqual(new Set([`CONNECT ${host} HTTP/1.1`]));
  });

  it('forwards plain http', async () => {
    await using proxy = await startForwardProxy();
    await using nginx = await startNginx({ upstream: registry.host });
    const host = `${NAME}:${nginx.port}`;
    const env = { http_proxy: proxy.url, https_proxy: proxy.url };
    expectTree(await pullFrom({ host, format: 'gzip', env, args: HTTP }), 'whole');
    const gets = proxy.requests().filter((line) => line.startsWith(`GET http://${host}/v2/fx/gzip/`));
    expect(gets.length).toBe(nginx.log().filter(({ status }) => status === '200').length);
    expect(gets.length).toBeGreaterThanOrEqual(4);
  });

  it.each([
    ['host', () => NAME],
    ['host and port', (port: number) => `other.test,${NAME}:${port}`],
    ['star', () => '*'],
  ])('is not used where no_proxy names the %s', async (_, noProxy) => {
    await using proxy = await startForwardProxy();
    await using nginx = await startNginx({ upstream: registry.host, tls });
    const env = { ...trust, HTTPS_PROXY: proxy.url, NO_PROXY: noProxy(nginx.port) };
    expectTree(await pullFrom({ host: `${NAME}:${nginx.port}`, format: 'gzip', env }), 'whole');
    expect(proxy.requests()).toEqual([]);
  });

  it('is not used for this machine itself', async () => {
    await using proxy = await startForwardProxy();
    const env = { http_proxy: proxy.url, https_proxy: proxy.url };
    expectTree(await pullFrom({ host: registry.host, format: 'gzip', env }), 'whole');
    expect(proxy.requests()).toEqual([]);
  });

  it('that wants a password gets the one in its URL, which nobody prints', async () => {
    await using proxy = await startForwardProxy({ login: { username: 'me', password: 'proxy-sesame' } });
    await using nginx = await startNginx({ upstream: registry.host, tls });
    const host = `${NAME}:${nginx.port}`;
    const url = (password: string) => proxy.url.replace('//', `//me:${password}@`);
    const env = { ...trust, https_proxy: url('proxy-sesame') };
    expectTree(await pullFrom({ host, format: 'gzip', env }), 'whole');
    const wrong = await pullFrom({
      host,
      format: 'gzip',
      env: { ...trust, https_proxy: url('wrong-sesame') },
    });
    expect(wrong.status).toBe(1);
    expect(wrong.stderr).not.toContain('sesame');
  });

  it('that is not there is named', async () => {
    await using nginx = await startNginx({ upstream: registry.host, tls });
    const env = { ...trust, https_proxy: 'http://127.0.0.1:1' };
    const { stderr } = await pullFrom({ host: `${NAME}:${nginx.port}`, format: 'gzip', env });
    expect(stderr).toMatch(/^code: REGISTRY_UNAVAILABLE$/m);
    expect(stderr).toMatch(/127\.0\.0\.1:1\b/);
  });
});
