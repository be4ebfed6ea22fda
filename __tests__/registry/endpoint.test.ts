import { describe, expect, it } from 'vitest';
import type { RegistryHost } from '../../src/hosts/registry-host.ts';
import { createEndpoint } from '../../src/registry/endpoint.ts';
import { hostFor, UNVERIFIED, VERIFIED } from '../support/registry-client.ts';

function endpointOf(registry: string, tlsVerify: boolean) {
  return createEndpoint(hostFor(registry, { tls: tlsVerify ? VERIFIED : UNVERIFIED }));
}

describe('createEndpoint', () => {
  it.each([
    ['docker.io', true, 'https://registry-1.docker.io'],
    ['ghcr.io', true, 'https://ghcr.io'],
    ['registry.example.com:5000', true, 'https://registry.example.com:5000'],
    ['10.0.0.1:5000', true, 'https://10.0.0.1:5000'],
    ['localhost:5000', true, 'https://localhost:5000'],
    ['127.0.0.2', true, 'https://127.0.0.2'],
    ['[::1]:5000', true, 'https://[::1]:5000'],
    ['localhost:443', true, 'https://localhost'],
    ['localhost:5000', false, 'https://localhost:5000'],
  ])('%s with tlsVerify %s is at %s', (registry, tlsVerify, origin) => {
    expect(endpointOf(registry, tlsVerify).origin).toBe(origin);
  });

  it('falls back to http only where TLS is not insisted on', () => {
    const strict = endpointOf('registry.example.com', true);
    expect([strict.fallBackToHttp(), strict.origin]).toEqual([false, 'https://registry.example.com']);
    const lax = endpointOf('registry.example.com', false);
    expect([lax.fallBackToHttp(), lax.origin]).toEqual([true, 'http://registry.example.com']);
    for (const registry of ['localhost:5000', '127.0.0.2', '[::1]:80']) {
      const here = endpointOf(registry, true);
      expect([here.fallBackToHttp(), here.isHttp]).toEqual([true, true]);
    }
    const secure = endpointOf('localhost:443', true);
    expect([secure.fallBackToHttp(), secure.origin]).toEqual([false, 'https://localhost']);
  });
});

describe('an endpoint', () => {
  it.each<[Partial<RegistryHost>, string]>([
    [{}, 'https://ghcr.io/v2/a/b/tags/list?n=5'],
    [{ apiPath: 'v2/proxy/hub' }, 'https://ghcr.io/v2/proxy/hub/a/b/tags/list?n=5'],
    [{ apiPath: 'artifactory/api/docker' }, 'https://ghcr.io/artifactory/api/docker/a/b/tags/list?n=5'],
    [{ apiPath: '' }, 'https://ghcr.io/a/b/tags/list?n=5'],
    [{ namespace: 'docker.io' }, 'https://ghcr.io/v2/a/b/tags/list?n=5&ns=docker.io'],
    [{ namespace: 'registry:5000' }, 'https://ghcr.io/v2/a/b/tags/list?n=5&ns=registry%3A5000'],
    [{ scheme: 'http' }, 'http://ghcr.io/v2/a/b/tags/list?n=5'],
  ])('with %j is asked at %s', (changes, url) => {
    const endpoint = createEndpoint(hostFor('ghcr.io', changes));
    expect(endpoint.api('a/b/tags/list', { n: '5' }).href).toBe(url);
  });

  it('has a root of its own', () => {
    expect(createEndpoint(hostFor('ghcr.io')).api('').href).toBe('https://ghcr.io/v2/');
    expect(createEndpoint(hostFor('ghcr.io', { apiPath: '' })).api('').href).toBe('https://ghcr.io/');
  });

  it.each<[string, Partial<RegistryHost>, string, string]>([
    ['the usual one', { tls: UNVERIFIED }, 'https:', 'http:'],
    ['one that was written down', { tls: UNVERIFIED, scheme: 'https' }, 'https:', 'https:'],
    [
      'one that was written down, on this machine',
      { scheme: 'https', registry: 'localhost:5000' },
      'https:',
      'https:',
    ],
    ['one where TLS is insisted on', { tls: VERIFIED }, 'https:', 'https:'],
    ['http', { scheme: 'http' }, 'http:', 'http:'],
  ])('falls back on plain http only from a scheme nobody chose: %s', (_name, changes, before, after) => {
    const endpoint = createEndpoint(hostFor('registry.example.com', changes));
    const protocols = [endpoint.api('').protocol];
    endpoint.fallBackToHttp();
    protocols.push(endpoint.api('').protocol);
    expect(protocols).toEqual([before, after]);
  });
});
