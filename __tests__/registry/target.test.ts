import { describe, expect, it } from 'vitest';
import { createEndpoint } from '../../src/registry/endpoint.ts';
import { networkKind } from '../../src/registry/network.ts';
import { checkTarget } from '../../src/registry/target.ts';

describe('networkKind', () => {
  it.each([
    ['https://localhost/', 'loopback'],
    ['https://a.localhost./', 'loopback'],
    ['https://127.1/', 'loopback'],
    ['https://0x7f000001/', 'loopback'],
    ['https://[::1]/', 'loopback'],
    ['https://[::ffff:127.0.0.1]/', 'loopback'],
    ['https://169.254.169.254/', 'link-local'],
    ['https://2852039166/', 'link-local'],
    ['https://[::ffff:169.254.169.254]/', 'link-local'],
    ['https://[fe80::1]/', 'link-local'],
    ['https://10.1.2.3/', 'private'],
    ['https://172.31.0.1/', 'private'],
    ['https://192.168.0.1/', 'private'],
    ['https://192.0.0.192/', 'private'],
    ['https://192.0.1.1/', 'public'],
    ['https://198.19.255.255/', 'private'],
    ['https://198.20.0.1/', 'public'],
    ['https://[64:ff9b::10.0.0.1]/', 'private'],
    ['https://[64:ff9b::10.0.0.0]/', 'private'],
    ['https://[64:ff9b::]/', 'private'],
    ['https://[64:ff9b::127.0.0.1]/', 'private'],
    ['https://[64:ff9b::169.254.169.254]/', 'link-local'],
    ['https://[64:ff9b::8.8.8.8]/', 'public'],
    ['https://[64:ff9b:1::8.8.8.8]/', 'private'],
    ['https://[2002:a9fe:a9fe::1]/', 'private'],
    ['https://100.64.0.1/', 'private'],
    ['https://0.0.0.0/', 'private'],
    ['https://[fd00::1]/', 'private'],
    ['https://172.32.0.1/', 'public'],
    ['https://8.8.8.8/', 'public'],
    ['https://[2001:db8::1]/', 'public'],
    ['https://ghcr.io/', 'public'],
    ['https://localhost.example.com/', 'public'],
  ])('%s is %s', (url, kind) => {
    expect(networkKind(new URL(url).hostname)).toBe(kind);
  });
});

describe('createEndpoint', () => {
  it.each([
    ['docker.io', true, 'https://registry-1.docker.io'],
    ['ghcr.io', true, 'https://ghcr.io'],
    ['registry.example.com:5000', true, 'https://registry.example.com:5000'],
    ['10.0.0.1:5000', true, 'https://10.0.0.1:5000'],
    ['localhost:5000', true, 'http://localhost:5000'],
    ['127.0.0.2', true, 'http://127.0.0.2'],
    ['[::1]:5000', true, 'http://[::1]:5000'],
    ['localhost:443', true, 'https://localhost'],
    ['localhost:5000', false, 'https://localhost:5000'],
  ])('%s with tlsVerify %s is at %s', (registry, tlsVerify, origin) => {
    expect(createEndpoint(registry, tlsVerify).origin).toBe(origin);
  });

  it('falls back to http only where TLS is not insisted on', () => {
    const strict = createEndpoint('registry.example.com', true);
    expect([strict.fallBackToHttp(), strict.origin]).toEqual([false, 'https://registry.example.com']);
    const lax = createEndpoint('registry.example.com', false);
    expect([lax.fallBackToHttp(), lax.origin]).toEqual([true, 'http://registry.example.com']);
  });
});

describe('checkTarget', () => {
  function isAllowed(registry: string, target: string, tlsVerify = true): boolean {
    const endpoint = createEndpoint(registry, tlsVerify);
    const allowHttp = endpoint.isHttp || !tlsVerify;
    try {
      checkTarget(new URL(target), { endpoint, what: 'the redirect', allowHttp });
      return true;
    } catch (error) {
      expect(error).toMatchObject({ code: 'RESPONSE_INVALID' });
      return false;
    }
  }

  it.each([
    ['ghcr.io', 'https://storage.example.com/x'],
    ['ghcr.io', 'https://8.8.8.8/x'],
    ['ghcr.io', 'https://ghcr.io:8443/x'],
    ['10.0.0.1', 'https://10.0.0.2/x'],
    ['10.0.0.1', 'https://10.0.0.1:9000/x'],
    ['localhost:5000', 'http://127.0.0.1:9000/x'],
    ['localhost:5000', 'http://storage.example.com/x'],
  ])('%s may lead to %s', (registry, target) => {
    expect(isAllowed(registry, target)).toBe(true);
  });

  it.each([
    ['ghcr.io', 'http://storage.example.com/x'],
    ['ghcr.io', 'ftp://storage.example.com/x'],
    ['ghcr.io', 'file:///etc/passwd'],
    ['ghcr.io', 'https://user@storage.example.com/x'],
    ['ghcr.io', 'https://169.254.169.254/x'],
    ['ghcr.io', 'https://127.0.0.1/x'],
    ['ghcr.io', 'https://localhost/x'],
    ['ghcr.io', 'https://10.0.0.1/x'],
    ['ghcr.io', 'https://[::ffff:10.0.0.1]/x'],
    ['10.0.0.1', 'https://127.0.0.1/x'],
    ['10.0.0.1', 'https://169.254.169.254/x'],
    ['localhost:5000', 'http://169.254.169.254/x'],
  ])('%s must not lead to %s', (registry, target) => {
    expect(isAllowed(registry, target)).toBe(false);
  });

  it('lets http and neighbours pass where TLS is not insisted on', () => {
    expect(isAllowed('registry.example.com', 'http://10.0.0.1/x', false)).toBe(true);
  });
});
