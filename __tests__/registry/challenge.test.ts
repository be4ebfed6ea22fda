import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseChallenges } from '../../src/registry/challenge.ts';

type Plain = [scheme: string, parameters: Record<string, string>];

function plain(header: string | string[] | undefined): Plain[] {
  return parseChallenges(header).map((one) => [one.scheme, Object.fromEntries(one.parameters)]);
}

const TABLE: [name: string, header: string | string[] | undefined, expected: Plain[]][] = [
  ['no header', undefined, []],
  ['an empty header', '', []],
  ['one challenge', 'Basic realm="r"', [['basic', { realm: 'r' }]]],
  [
    'commas inside of quotes',
    'Bearer realm="https://auth.example/token",service="s",scope="repository:a/b:pull,push"',
    [['bearer', { realm: 'https://auth.example/token', service: 's', scope: 'repository:a/b:pull,push' }]],
  ],
  [
    'several challenges in one line',
    'Negotiate, Basic realm="a", Bearer realm="b",service=c',
    [
      ['negotiate', {}],
      ['basic', { realm: 'a' }],
      ['bearer', { realm: 'b', service: 'c' }],
    ],
  ],
  [
    'several lines',
    ['Negotiate YWJj==', 'Basic realm="a"'],
    [
      ['negotiate', {}],
      ['basic', { realm: 'a' }],
    ],
  ],
  [
    'a token68 before another challenge',
    'Negotiate YWJj==, BEARER Realm="b"',
    [
      ['negotiate', {}],
      ['bearer', { realm: 'b' }],
    ],
  ],
  [
    'any case and blanks around =',
    'BEARER  REALM = "b" ,\tService =\t"s"',
    [['bearer', { realm: 'b', service: 's' }]],
  ],
  ['escapes', 'Basic realm="a \\"quoted\\" \\\\ word"', [['basic', { realm: 'a "quoted" \\ word' }]]],
  [
    'a realm without quotes',
    'Bearer realm=https://auth.example/token,service=s',
    [['bearer', { realm: 'https://auth.example/token', service: 's' }]],
  ],
  [
    'several scopes',
    'Bearer realm="b",scope="repository:a:pull repository:c:pull"',
    [['bearer', { realm: 'b', scope: 'repository:a:pull repository:c:pull' }]],
  ],
  ['the first of a repeated parameter', 'Basic realm="a",realm="b"', [['basic', { realm: 'a' }]]],
  ['empty list elements', ', ,Basic realm="a",,', [['basic', { realm: 'a' }]]],
  ['a quote without end', 'Basic realm="a, b', [['basic', { realm: 'a, b' }]]],
  ['parameters without a scheme', 'realm="a", Basic realm="b"', [['basic', { realm: 'b' }]]],
  ['an empty value', 'Bearer realm="",service="s"', [['bearer', { realm: '', service: 's' }]]],
];

describe('parseChallenges', () => {
  it.each(TABLE)('reads %s', (_name, header, expected) => {
    expect(plain(header)).toEqual(expected);
  });

  it('reads back whatever is written by the grammar', () => {
    const token = fc.stringMatching(/^[a-z][a-z0-9-]{0,8}$/);
    const text = fc.stringMatching(/^[ -~]{0,20}$/);
    const challenge = fc.tuple(
      token,
      fc.uniqueArray(fc.tuple(token, text), { selector: ([key]) => key, minLength: 1 }),
    );
    const blank = fc.constantFrom('', ' ', '\t', '  ');
    fc.assert(
      fc.property(fc.array(challenge, { minLength: 1 }), blank, fc.boolean(), (challenges, space, upper) => {
        const written = challenges.map(([scheme, parameters]) => {
          const list = parameters.map(
            ([key, value]) => `${key}${space}=${space}"${value.replace(/["\\]/g, '\\$&')}"`,
          );
          return `${upper ? scheme.toUpperCase() : scheme} ${list.join(`${space},${space}`)}`;
        });
        expect(
          parseChallenges(written.join(`${space},${space}`)).map((one) => [one.scheme, [...one.parameters]]),
        ).toEqual(challenges);
      }),
    );
  });

  it('reads back token68s, values without quotes, and challenges spread over lines', () => {
    const token = fc.stringMatching(/^[a-z][a-z0-9-]{0,8}$/);
    const bare = fc.stringMatching(/^[a-zA-Z0-9:/._-]{1,20}$/);
    const credentials = fc.stringMatching(/^[A-Za-z0-9._~+/-]{1,12}={0,2}$/);
    const parameters = fc.uniqueArray(fc.tuple(token, bare), { selector: ([key]) => key, minLength: 1 });
    const challenge = fc.tuple(token, fc.oneof(fc.constant(undefined), credentials, parameters));
    fc.assert(
      fc.property(fc.array(fc.array(challenge, { minLength: 1 })), (lines) => {
        const written = lines.map((line) =>
          line
            .map(([scheme, rest]) => {
              const text = Array.isArray(rest) ? rest.map((pair) => pair.join('=')).join(', ') : rest;
              return text === undefined ? scheme : `${scheme} ${text}`;
            })
            .join(', '),
        );
        expect(parseChallenges(written).map((one) => [one.scheme, [...one.parameters]])).toEqual(
          lines.flat().map(([scheme, rest]) => [scheme, Array.isArray(rest) ? rest : []]),
        );
      }),
    );
  });

  const pieces = fc.oneof(
    fc.constantFrom('"', '\\', ',', '=', ' ', '\t', 'Bearer', 'realm', 'Basic', '\\"', '="', 'a=', 'YWJj=='),
    fc.string({ maxLength: 5 }),
    fc.string({ unit: 'binary', maxLength: 3 }),
  );

  it('survives any text', () => {
    fc.assert(
      fc.property(fc.array(pieces, { maxLength: 40 }), (parts) => {
        for (const { scheme } of parseChallenges(parts.join(''))) expect(scheme).toMatch(/^[^\s,"=]+$/);
      }),
    );
  });

  it('reads any 64 KiB in linear time', () => {
    const HEADER_BYTES = 64 * 1024;
    fc.assert(
      fc.property(
        fc.array(pieces, { maxLength: 3 }),
        fc.array(pieces, { minLength: 1, maxLength: 4 }),
        (head, parts) => {
          const unit = parts.join('') || ' ';
          const header = head.join('') + unit.repeat(Math.ceil(HEADER_BYTES / unit.length));
          const started = performance.now();
          parseChallenges([header, header]);
          expect(performance.now() - started).toBeLessThan(500);
        },
      ),
    );
  });

  it('reads a hostile header in linear time', () => {
    const started = performance.now();
    parseChallenges([
      '"'.repeat(200_000),
      'a='.repeat(100_000),
      '\\"'.repeat(100_000),
      'a '.repeat(100_000),
      `a ${'b'.repeat(200_000)}!`,
      `a ${'='.repeat(200_000)}!`,
      `a${' '.repeat(200_000)}!`,
      `a="${'\\'.repeat(200_001)}`,
    ]);
    expect(performance.now() - started).toBeLessThan(1000);
  });
});
