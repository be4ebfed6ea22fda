import { describe, expect, it } from 'vitest';
import { createEndpoint } from '../../src/registry/endpoint.ts';
import { checkTarget } from '../../src/registry/target.ts';
import { hostFor, UNVERIFIED, VERIFIED } from '../support/registry-client.ts';

describe('checkTarget', () => {
  function isAllowed(registry: string, target: string, { tlsVerify = true, isHttp = false } = {}): boolean {
    const endpoint = createEndpoint(hostFor(registry, { tls: tlsVerify ? VERIFIED : UNVERIFIED }));
    if (isHttp) endpoint.fallBackToHttp();
    try {
      checkTarget(new URL(target), { endpoint, what: 'the redirect' });
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
    ['localhost:5000', 'https://127.0.0.1:9000/x'],
  ])('%s may lead to %s', (registry, target) => {
    expect(isAllowed(registry, target)).toBe(true);
  });

  it.each([
    ['ghcr.io', 'http://storage.example.com/x'],
    ['ghcr.io', 'ftp://storage.example.com/x'],
    ['ghcr.io', 'file:///etc/passwd'],
    ['ghcr.io', 'https://user@storage.example.com/x'],
    ['ghcr.io', 'https://user:password@ghcr.io/x'],
    ['ghcr.io', 'https://169.254.169.254/x'],
    ['ghcr.io', 'https://127.0.0.1/x'],
    ['ghcr.io', 'https://localhost/x'],
    ['ghcr.io', 'https://10.0.0.1/x'],
    ['ghcr.io', 'https://[::ffff:10.0.0.1]/x'],
    ['10.0.0.1', 'https://127.0.0.1/x'],
    ['10.0.0.1', 'https://169.254.169.254/x'],
    ['localhost:5000', 'http://169.254.169.254/x'],
    ['localhost:5000', 'http://127.0.0.1:9000/x'],
  ])('%s must not lead to %s', (registry, target) => {
    expect(isAllowed(registry, target)).toBe(false);
  });

  it('lets http and neighbours pass where TLS is not insisted on', () => {
    expect(isAllowed('registry.example.com', 'http://10.0.0.1/x', { tlsVerify: false })).toBe(true);
  });

  it('lets http pass for a registry on this machine that speaks nothing else', () => {
    for (const target of ['http://127.0.0.1:9000/x', 'http://storage.example.com/x'])
      expect(isAllowed('localhost:5000', target, { isHttp: true })).toBe(true);
    expect(isAllowed('localhost:5000', 'http://169.254.169.254/x', { isHttp: true })).toBe(false);
  });
});
