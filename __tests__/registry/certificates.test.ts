import { getCACertificates, setDefaultCACertificates } from 'node:tls';
import { afterAll, describe, expect, it } from 'vitest';
import type { TlsSettings } from '../../src/hosts/registry-host.ts';
import { type KeyPair, makeCertificate } from '../support/certificates.ts';
import { fixtureImage } from '../support/fixture-image.ts';
import { startRegistry } from '../support/registry.ts';
import { collect, REPOSITORY, rejection, VERIFIED } from '../support/registry-client.ts';
import { authority, HERE, openClient, server, trusting } from './trust.ts';

const V1 = { target: 'v1', expected: undefined };
const never = new AbortController().signal;
const image = fixtureImage();
const images = [{ repository: REPOSITORY, layout: image.layout }];
const stranger = makeCertificate({ name: 'Stranger Authority' });

async function failureWith(certificate: KeyPair, tls: TlsSettings) {
  await using registry = await startRegistry({ images, tls: certificate });
  const client = openClient(registry.host, tls);
  const error = await rejection(client.manifest(V1));
  await client.close();
  return { error, arrived: registry.requests.length, made: client.requests };
}

describe('authorities given by configuration', () => {
  it.each([
    ['alone', [authority]],
    ['among others', [stranger, authority]],
  ])('are trusted, redirects included: %s', async (_name, authorities) => {
    await using registry = await startRegistry({ images, tls: server, blobs: 'redirect' });
    const client = openClient(registry.host, trusting(...authorities));
    expect((await client.manifest(V1)).digest).toBe(image.digest);
    const { chunks } = await client.blob(image.layer, { start: 5, end: 50_000 }, never);
    expect((await collect(chunks)).equals(image.bytes(image.layer).subarray(5, 50_000))).toBe(true);
    await client.close();
  });

  it('add to those of the system', async () => {
    const usual = getCACertificates('default');
    setDefaultCACertificates([...usual, authority.cert]);
    afterAll(() => setDefaultCACertificates(usual));
    await using registry = await startRegistry({ images, tls: server });
    const client = openClient(registry.host, trusting(stranger));
    expect((await client.manifest(V1)).digest).toBe(image.digest);
    await client.close();
    setDefaultCACertificates(usual);
  });
});

describe('a certificate that is not accepted', () => {
  it.each([
    [
      'of an authority nobody knows',
      server,
      trusting(stranger),
      /"registry.test" is signed by an authority, "Test Authority", that is not trusted here/,
      /ca-file/,
    ],
    [
      'signed by itself',
      makeCertificate({ name: 'lone.test', names: HERE }),
      VERIFIED,
      /"lone.test" is signed by nobody but itself/,
      /ca-file/,
    ],
    [
      'that has expired',
      makeCertificate({ name: 'old.test', names: HERE, by: authority, days: -1 }),
      trusting(authority),
      /"old.test" has expired on \w{3} +\d+ /,
      /Renew/,
    ],
    [
      'for another name',
      makeCertificate({ name: 'other.test', names: 'DNS:other.test', by: authority }),
      trusting(authority),
      /"other.test" is for other names than this: DNS:other.test/,
      /Name the registry/,
    ],
  ])('is named, and is not asked for again: one %s', async (_name, certificate, tls, message, hint) => {
    const { error, made, arrived } = await failureWith(certificate, tls);
    expect(error).toMatchObject({ code: 'TLS_FAILED', hint: expect.stringMatching(hint) });
    expect(error.message).toMatch(message);
    expect(error.message).toContain('127.0.0.1:');
    expect([made, arrived]).toEqual([1, 0]);
  });
});

describe('a server that prefers HTTP/2', () => {
  it('is talked to over HTTP/1.1', async () => {
    await using registry = await startRegistry({
      images,
      tls: { ...server, http2: true },
      blobs: 'redirect',
    });
    const client = openClient(registry.host, trusting(authority));
    expect((await client.manifest(V1)).digest).toBe(image.digest);
    const { chunks } = await client.blob(image.layer, { start: 0, end: 50_000 }, never);
    expect(await collect(chunks)).toHaveLength(50_000);
    await client.close();
    expect(new Set(registry.requests.map((one) => one.httpVersion))).toEqual(new Set(['1.1']));
    expect(registry.requests.length).toBeGreaterThan(2);
  });
});
