import { errors } from 'undici';
import { describe, expect, it } from 'vitest';
import { describeCause, describeError, PullError } from '../../src/errors.ts';
import type { HttpRequest } from '../../src/http/exchange.ts';
import { factOf, HttpError } from '../../src/http/http-error.ts';
import { networkError } from '../../src/http/network-error.ts';

const REQUEST: HttpRequest = {
  url: new URL('https://reg.test/v2/'),
  headers: {},
  signal: new AbortController().signal,
  what: 'manifest v1 of reg.test/app',
};

const coded = (code: string, message = 'raw text', more = {}) =>
  Object.assign(new Error(message), { code, ...more });
const OPENSSL =
  '00CA0D2D:error:0A00010B:SSL routines:ssl3_get_record:wrong version number:../deps/openssl/ssl/record.c:350:\n';

describe('what happened below HTTP', () => {
  it.each<[Error, string]>([
    [coded('ECONNREFUSED'), 'the connection was refused (ECONNREFUSED)'],
    [
      Object.assign(new AggregateError([coded('ECONNREFUSED')]), { code: 'ECONNREFUSED' }),
      'the connection was refused (ECONNREFUSED)',
    ],
    [new errors.SocketError('other side closed'), 'the connection was closed (UND_ERR_SOCKET)'],
    [new Error('x', { cause: coded('ECONNRESET') }), 'the connection was reset (ECONNRESET)'],
    [
      new errors.ConnectTimeoutError(
        'Connect Timeout Error (attempted address: 10.0.0.1:443, timeout: 10000ms)',
      ),
      'no connection came about within 10 s',
    ],
    [coded('ERR_SSL_WRONG_VERSION_NUMBER', OPENSSL), 'the answer is not TLS (ERR_SSL_WRONG_VERSION_NUMBER)'],
    [
      coded('ERR_SSL_TLSV1_ALERT_INTERNAL_ERROR', OPENSSL, { reason: 'tlsv1 alert internal error' }),
      'TLS failed: tlsv1 alert internal error (ERR_SSL_TLSV1_ALERT_INTERNAL_ERROR)',
    ],
    [coded('HPE_INVALID_CONSTANT'), 'the answer is not HTTP (HPE_INVALID_CONSTANT)'],
    [coded('EODD', 'something odd'), 'something odd (EODD)'],
  ])('is told in words: %s', (error, fact) => {
    const told = networkError(error, REQUEST);
    expect(told.message).toBe(`manifest v1 of reg.test/app: reg.test: ${fact}`);
    expect(factOf(told, 'reg.test')).toBe(fact);
    expect(factOf(told, 'mirror.test')).toBe(`reg.test: ${fact}`);
    expect(told.cause).toBe(error);
  });

  it('names the proxy that cannot be reached in what to do', () => {
    const told = networkError(coded('ECONNREFUSED'), REQUEST, { via: 'http://proxy:3128 (https_proxy)' });
    expect(told.hint).toContain('Check that the proxy http://proxy:3128 (https_proxy) runs');
  });

  it('is no longer than one mention of it', () => {
    const told = networkError(coded('EODD', 'something odd'), REQUEST);
    expect(describeCause(told)).toBeUndefined();
    expect(describeCause(new PullError('INTERNAL', 'failed', { cause: new Error('why') }))).toBe('why');
    expect(describeError(new Error('it broke', { cause: new Error('it broke') }))).toBe('it broke');
  });

  it('leaves out where in the sources of OpenSSL it was found', () => {
    expect(describeError(coded('EPROTO', OPENSSL))).toBe('wrong version number (EPROTO)');
    expect(describeError(new HttpError('TLS_FAILED', OPENSSL, { retry: 'never', origin: 'https://x' }))).toBe(
      'wrong version number',
    );
  });
});
