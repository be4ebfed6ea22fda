import { describe, expect, it } from 'vitest';
import { isExempt, proxyFor } from '../../src/http/proxy.ts';

const HTTPS = new URL('https://registry.example/v2/');
const HTTP = new URL('http://registry.example/v2/');

describe('the proxy of a request', () => {
  it.each([
    [
      HTTPS,
      { https_proxy: 'http://a:1', HTTPS_PROXY: 'http://b:1', all_proxy: 'http://c:1' },
      'http://a:1 (https_proxy)',
    ],
    [HTTPS, { HTTPS_PROXY: 'http://b:1', all_proxy: 'http://c:1' }, 'http://b:1 (HTTPS_PROXY)'],
    [HTTPS, { all_proxy: 'http://c:1', ALL_PROXY: 'http://d:1' }, 'http://c:1 (all_proxy)'],
    [HTTPS, { ALL_PROXY: 'http://d:1' }, 'http://d:1 (ALL_PROXY)'],
    [HTTPS, { https_proxy: '', HTTPS_PROXY: 'http://b:1' }, 'http://b:1 (HTTPS_PROXY)'],
    [HTTPS, { http_proxy: 'http://a:1' }, undefined],
    [HTTP, { http_proxy: 'http://a:1', all_proxy: 'http://c:1' }, 'http://a:1 (http_proxy)'],
    [HTTP, { HTTP_PROXY: 'http://a:1' }, undefined],
    [HTTP, { HTTP_PROXY: 'http://a:1', ALL_PROXY: 'http://d:1' }, 'http://d:1 (ALL_PROXY)'],
    [HTTP, { https_proxy: 'http://a:1' }, undefined],
    [HTTPS, {}, undefined],
    [HTTPS, { https_proxy: 'proxy.example:3128' }, 'http://proxy.example:3128 (https_proxy)'],
    [HTTPS, { https_proxy: 'proxy.example' }, 'http://proxy.example:1080 (https_proxy)'],
    [HTTPS, { https_proxy: 'http://proxy.example:80/' }, 'http://proxy.example:80 (https_proxy)'],
    [HTTPS, { https_proxy: 'https://proxy.example' }, 'https://proxy.example:443 (https_proxy)'],
    [HTTPS, { https_proxy: 'http://me:secret@[fd00::1]:3128' }, 'http://[fd00::1]:3128 (https_proxy)'],
    [HTTPS, { all_proxy: 'socks5h://proxy.example' }, 'socks5://proxy.example:1080 (all_proxy)'],
    [new URL('https://127.0.0.1/'), { https_proxy: 'http://a:1' }, undefined],
    [new URL('https://localhost:5000/'), { https_proxy: 'http://a:1' }, undefined],
  ])('%s with %j is %s', (url, env, label) => {
    expect(proxyFor(url, env)?.label).toBe(label);
  });

  it('has the credential of its URL, decoded', () => {
    const proxy = proxyFor(HTTPS, { https_proxy: 'http://m%40e:p%3Aw%2F@a:1' });
    expect(proxy).toMatchObject({ username: 'm@e', password: 'p:w/' });
    expect(proxy?.label).not.toContain('p:w/');
  });

  it.each([
    'socks4://me:hunter2@a:1',
    'ftp://me:hunter2@a',
    'http://me:hunter2@',
    'http://me:hunter2@a:99999',
  ])('is an error without the password when it cannot be used: %s', (value) => {
    expect(() => proxyFor(HTTPS, { HTTPS_PROXY: value })).toThrow(
      expect.objectContaining({
        code: 'CONFIG_INVALID',
        message: expect.stringMatching(/^(?!.*hunter2).*HTTPS_PROXY/),
      }),
    );
  });
});

describe('no_proxy', () => {
  it.each([
    ['registry.example', '*', true],
    ['registry.example', ' * ', true],
    ['registry.example', '*,other.example', false],
    ['registry.example', 'example', true],
    ['registry.example', '.example', true],
    ['registry.example', 'registry.example', true],
    ['registry.example', 'REGISTRY.Example', true],
    ['registry.example', '.registry.example', true],
    ['registry.example', 'registry.example.', true],
    ['registry.example.', 'registry.example', true],
    ['a.registry.example', 'registry.example', true],
    ['aregistry.example', 'registry.example', false],
    ['registry.example', 'a.registry.example', false],
    ['registry.example', 'localhost , registry.example', true],
    ['registry.example', 'localhost registry.example', true],
    ['registry.example', 'localhost,,\tregistry.example', true],
    ['registry.example', '', false],
    ['registry.example', ',', false],
    ['registry.example', '.', false],
    ['registry.example', '*.example', false],
    ['registry.example:5000', 'registry.example:5000', true],
    ['registry.example:5000', 'registry.example', true],
    ['registry.example:5000', 'registry.example:5001', false],
    ['registry.example', 'registry.example:443', true],
    ['192.168.1.7', '192.168.1.7', true],
    ['192.168.1.7', '192.168.0.0/16', true],
    ['192.168.1.7', '192.168.1.0/29', true],
    ['192.168.1.8', '192.168.1.0/29', false],
    ['192.168.1.7', '192.168.1.7/32', true],
    ['192.168.1.7', '0.0.0.0/0', true],
    ['192.168.1.7', '192.168.1.7/33', false],
    ['192.168.1.7', '168.1.7', false],
    ['192.168.1.7', '192.168.1', false],
    ['192.168.1.7:5000', '192.168.1.7:5000', true],
    ['[fd00::7]', 'fd00::7', true],
    ['[fd00::7]', 'FD00:0::7', true],
    ['[fd00::7]', '[fd00::7]', true],
    ['[fd00::7]', 'fd00::/8', true],
    ['[fe00::7]', 'fd00::/8', false],
    ['[fd00::7]', '10.0.0.0/8', false],
    ['registry.example', '10.0.0.0/8', false],
  ])('for %s: "%s" exempts: %s', (host, list, expected) => {
    expect(isExempt(new URL(`https://${host}/`), list)).toBe(expected);
  });

  it('is read in either case, lower case first', () => {
    const env = { https_proxy: 'http://a:1', NO_PROXY: 'registry.example' };
    expect(proxyFor(HTTPS, env)).toBeUndefined();
    expect(proxyFor(HTTPS, { ...env, no_proxy: 'other.example' })?.label).toContain('a:1');
  });
});
