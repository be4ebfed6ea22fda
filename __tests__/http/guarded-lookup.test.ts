import type { LookupAddress } from 'node:dns';
import type { LookupFunction } from 'node:net';
import { describe, expect, it } from 'vitest';
import { guardedLookup } from '../../src/http/guarded-lookup.ts';

type Found = string | LookupAddress[];

const address = (text: string) => ({ address: text, family: text.includes(':') ? 6 : 4 });

/** A name server that says the same of every name. */
function answering(addresses: readonly string[]): LookupFunction {
  return (_hostname, { all }, callback) =>
    all ? callback(null, addresses.map(address)) : callback(null, addresses[0] ?? '', 4);
}

function look(lookup: LookupFunction, hostname: string, all: boolean): Promise<Found> {
  return new Promise((resolve, reject) => {
    lookup(hostname, { all }, (error, found) => (error ? reject(error) : resolve(found)));
  });
}

describe('guardedLookup', () => {
  it.each([
    ['169.254.169.254'],
    ['fe80::1'],
    ['fe80::1%eth0'],
    ['::ffff:169.254.169.254'],
    ['64:ff9b::a9fe:a9fe'],
    ['::ffff:0:169.254.169.254'],
    ['::169.254.169.254'],
    ['168.63.129.16'],
    ['127.0.0.1'],
    ['::1'],
  ])('refuses a name for %s', async (text) => {
    const lookup = guardedLookup('registry.example.com', (hostname, ...rest) =>
      answering([hostname === 'registry.example.com' ? '8.8.8.8' : text])(hostname, ...rest),
    );
    for (const all of [true, false])
      await expect(look(lookup, 'storage.example.com', all)).rejects.toMatchObject({
        code: 'RESPONSE_INVALID',
        message: expect.stringContaining('storage.example.com'),
      });
  });

  it('leaves the other addresses of a name', async () => {
    const lookup = guardedLookup(
      'registry.example.com',
      answering(['169.254.1.1', '10.0.0.1', '2001:db8::1']),
    );
    expect(await look(lookup, 'storage.example.com', true)).toEqual(['10.0.0.1', '2001:db8::1'].map(address));
  });

  it('takes private addresses, as those of private endpoints are', async () => {
    const lookup = guardedLookup('registry.example.com', answering(['10.0.0.1']));
    expect(await look(lookup, 's3.example.com', false)).toBe('10.0.0.1');
  });

  it.each(['127.0.0.1', 'localhost', '[::1]'])('takes this machine for a registry at %s', async (own) => {
    const lookup = guardedLookup(own, answering(['127.0.0.1', '169.254.169.254']));
    expect(await look(lookup, 'storage.example.com', true)).toEqual([address('127.0.0.1')]);
  });

  it('takes this machine where the name of the registry means it, too', async () => {
    const named = (own: string): LookupFunction =>
      guardedLookup('registry.local', (hostname, options, callback) =>
        answering([hostname === 'registry.local' ? own : '127.0.0.1'])(hostname, options, callback),
      );
    expect(await look(named('127.0.1.1'), 'storage.local', true)).toEqual([address('127.0.0.1')]);
    await expect(look(named('10.0.0.1'), 'storage.local', true)).rejects.toMatchObject({
      code: 'RESPONSE_INVALID',
    });
  });

  it('takes whatever the name of the registry itself means', async () => {
    const lookup = guardedLookup('registry.local', answering(['fe80::1']));
    expect(await look(lookup, 'registry.local', true)).toEqual([address('fe80::1')]);
  });

  it('hands on that a name is not known', async () => {
    const unknown = Object.assign(new Error('getaddrinfo ENOTFOUND'), { code: 'ENOTFOUND' });
    const lookup = guardedLookup('registry.example.com', (_hostname, _options, callback) =>
      callback(unknown, []),
    );
    await expect(look(lookup, 'storage.example.com', true)).rejects.toBe(unknown);
  });

  it('asks the system where nothing else is given', async () => {
    const found = await look(guardedLookup('127.0.0.1'), 'localhost', true);
    expect(found).not.toEqual([]);
    for (const { address: text } of found as LookupAddress[]) expect(text).toMatch(/^(?:127\.|::1$)/);
  });
});
