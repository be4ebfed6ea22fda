import { describe, expect, it } from 'vitest';
import { PullError } from '../../src/errors.ts';
import { HttpError, type HttpErrorDetails } from '../../src/http/http-error.ts';
import { isHostFailure, judge } from '../../src/source/host-failure.ts';

const NAME_UNKNOWN = [{ code: 'NAME_UNKNOWN', message: '' }];

function failure(code: PullError['code'], details: Partial<HttpErrorDetails> = {}): HttpError {
  return new HttpError(code, 'it failed', { retry: 'never', origin: 'https://mirror.test', ...details });
}

describe('the failure of a host', () => {
  it.each<[string, PullError, string]>([
    ['lacks a blob', failure('NOT_FOUND', { status: 404 }), 'lacking'],
    [
      'does not know the repository',
      failure('NOT_FOUND', { status: 404, diagnostics: NAME_UNKNOWN }),
      'lacking hopeless',
    ],
    ['has damaged bytes', new PullError('DIGEST_MISMATCH', 'damaged'), 'lacking strike'],
    ['has a shorter blob', failure('SIZE_MISMATCH', { status: 200 }), 'lacking strike'],
    ['sends too much', failure('LIMIT_EXCEEDED', { status: 200 }), 'lacking strike'],
    ['wants a credential', failure('UNAUTHORIZED', { status: 401 }), 'strike hopeless'],
    ['forbids this one thing', failure('UNAUTHORIZED', { status: 403 }), 'strike'],
    ['cannot be reached', failure('REGISTRY_UNAVAILABLE', { retry: 'unreachable' }), 'strike hopeless'],
    ['is not trusted', failure('TLS_FAILED'), 'strike hopeless'],
    ['is broken', failure('REGISTRY_UNAVAILABLE', { retry: 'soon', status: 500 }), 'strike'],
    ['asks to wait', failure('RATE_LIMITED', { retry: 'soon', status: 429 }), 'strike'],
  ])('that %s', (_name, error, expected) => {
    const { isLacking, isStrike, isHopeless } = judge(error);
    const words = [isLacking && 'lacking', isStrike && 'strike', isHopeless && 'hopeless'];
    expect(words.filter(Boolean).join(' ')).toBe(expected);
    expect(isHostFailure(error)).toBe(true);
  });

  it.each([
    ['a cancelled pull', new PullError('ABORTED', 'cancelled')],
    ['a fault in this program', new PullError('INTERNAL', 'a fault')],
    ['any other error', new TypeError('x is not a function')],
  ])('is not %s', (_name, error) => {
    expect(isHostFailure(error)).toBe(false);
  });
});
