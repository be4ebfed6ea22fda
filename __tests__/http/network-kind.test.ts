import { describe, expect, it } from 'vitest';
import { networkKind } from '../../src/http/network-kind.ts';

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
