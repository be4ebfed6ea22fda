import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TLSSocket } from 'node:tls';
import { describe, expect, it } from 'vitest';
import { makeCertificate } from '../support/certificates.ts';
import { rejection } from '../support/registry-client.ts';
import { authority, openClient, server, trusting } from './trust.ts';

const V1 = { target: 'v1', expected: undefined };

describe('a registry that wants to know its clients', () => {
  const client = makeCertificate({ name: 'the client', names: 'DNS:client.test', by: authority });
  const tls = { ...trusting(authority), client: { certificate: client.cert, key: client.key } };

  /** Redirects everything to `to`, or answers 404; tells who its clients say they are. */
  async function startGuarded(wants: boolean, to?: string) {
    const seen: (string | undefined)[] = [];
    const strict = { requestCert: true, rejectUnauthorized: wants, ca: authority.cert };
    const guarded = createServer({ ...server, ...strict }, (request, response) => {
      seen.push((request.socket as TLSSocket).getPeerCertificate().subject?.CN?.toString());
      if (to) response.writeHead(307, { location: to }).end();
      else response.writeHead(404, { 'content-length': 0 }).end();
    });
    await new Promise<void>((resolve) => guarded.listen(0, '127.0.0.1', resolve));
    const close = () => {
      guarded.closeAllConnections();
      guarded.close();
    };
    return { host: `127.0.0.1:${(guarded.address() as AddressInfo).port}`, seen, [Symbol.dispose]: close };
  }

  it('is shown the certificate, and nobody else is', async () => {
    using other = await startGuarded(false);
    using guarded = await startGuarded(true, `https://${other.host}/elsewhere`);
    const one = openClient(guarded.host, tls);
    await expect(one.manifest(V1)).rejects.toMatchObject({ code: 'NOT_FOUND' });
    await one.close();
    expect([guarded.seen, other.seen]).toEqual([['the client'], [undefined]]);
  });

  /** Node as a server hangs up without a word; openssl says why. In TLS 1.3 undici sees the end before it sees the reason. */
  async function startStrict() {
    const directory = mkdtempSync(join(tmpdir(), 'strict-'));
    for (const [file, text] of Object.entries(server)) writeFileSync(join(directory, file), text);
    const files = ['-key', join(directory, 'key'), '-cert', join(directory, 'cert')];
    const strict = [
      's_server',
      '-accept',
      '127.0.0.1:0',
      '-Verify',
      '1',
      '-verify_return_error',
      '-tls1_2',
      '-www',
    ];
    const child = spawn('openssl', [...strict, ...files], { stdio: ['ignore', 'pipe', 'ignore'] });
    const port = await new Promise<string>((resolve) => {
      child.stdout.on('data', (text) => {
        const [, found] = /ACCEPT 127\.0\.0\.1:(\d+)/.exec(String(text)) ?? [];
        if (found) resolve(found);
      });
    });
    const close = () => {
      child.kill();
      rmSync(directory, { recursive: true, force: true });
    };
    return { host: `127.0.0.1:${port}`, [Symbol.dispose]: close };
  }

  it('refuses a client without one, which is told what to do', async () => {
    using strict = await startStrict();
    const one = openClient(strict.host, trusting(authority));
    const error = await rejection(one.manifest(V1));
    await one.close();
    expect(error).toMatchObject({ code: 'TLS_FAILED', hint: expect.stringContaining('certs.d') });
    expect(error.message).toContain('certificate of this client');
  });

  it('is not met with a certificate that is too weak to be shown, and the file of it is named', () => {
    const weak = makeCertificate({ name: 'the client', key: ['rsa:1024'] });
    const files = ['/etc/certs.d/r.example/client.cert', '/etc/certs.d/r.example/client.key'];
    const given = { ...tls, client: { certificate: weak.cert, key: weak.key }, sources: files };
    expect(() => openClient('127.0.0.1:1', given)).toThrow(
      expect.objectContaining({
        code: 'CONFIG_INVALID',
        message: expect.stringMatching(/client\.cert, .*client\.key: .*key too small/),
      }),
    );
  });
});
