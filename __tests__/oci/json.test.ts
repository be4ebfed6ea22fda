import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { arrayField, field, parseJsonObject, quote, stringField } from '../../src/oci/json.ts';
import { jsonBytes } from '../support/descriptors.ts';
import { thrown } from '../support/pull-error.ts';

const LIMIT = 1_000_000;
const parse = (text: string) => parseJsonObject(jsonBytes(text), 'it', LIMIT);

describe('parseJsonObject', () => {
  it.each([
    ['an empty document', ''],
    ['half a document', '{"a":'],
    ['two documents', '{} {}'],
    ['a list', '[]'],
    ['null', 'null'],
    ['a string', '"a"'],
    ['a byte order mark', '\uFEFF{}'],
    ['a page', '<html></html>'],
  ])('refuses %s', (_, text) => {
    thrown('MANIFEST_INVALID', () => parse(text));
  });

  it('refuses bytes that are not UTF-8', () => {
    const bytes = Uint8Array.from([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d]);
    thrown('MANIFEST_INVALID', () => parseJsonObject(bytes, 'it', LIMIT));
  });

  it('refuses a document over the limit and takes one of just that size', () => {
    thrown('LIMIT_EXCEEDED', () => parseJsonObject(jsonBytes('{"a":1}'), 'it', 6));
    expect(parseJsonObject(jsonBytes('{"a":1}'), 'it', 7)).toEqual({ a: 1 });
  });

  it.each([
    ['at the top', '{"a":1,"a":1}'],
    ['in a nested object', '{"x":[{"k":{"a":1,"b":2,"a":3}}]}'],
    ['spelt with an escape', '{"layers":[],"l\\u0061yers":[]}'],
    ['with blanks before the colon', '{"a" \n:1,"a":2}'],
    ['with a quote in it', '{"\\"":1,"\\"":2}'],
    ['twice __proto__', '{"__proto__":1,"__proto__":2}'],
    ['in another case at the top', '{"layers":[],"Layers":[]}'],
    ['with a letter that folds to the same', '{"layers":[],"layer\u017f":[]}'],
  ])('refuses a repeated key %s', (_, text) => {
    thrown('MANIFEST_INVALID', () => parse(text));
  });

  it.each([
    ['the same key in different objects', '{"a":{"a":1},"b":[{"a":1},{"a":2}]}'],
    ['a string value like a key', '{"a":"b","b":"a"}'],
    ['braces and quotes in strings', '{"a":"{\\"b\\":1","b":"}","c":"\\\\"}'],
    ['keys below the top that differ in case', '{"labels":{"Name":"x","name":"y"}}'],
  ])('accepts %s', (_, text) => {
    expect(parse(text)).toEqual(JSON.parse(text));
  });

  it('reads any object that JSON.stringify writes, but for top-level keys that differ in case', () => {
    const fold = (key: string) => key.toUpperCase().toLowerCase();
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.jsonValue()), (value) => {
        fc.pre(new Set(Object.keys(value).map(fold)).size === Object.keys(value).length);
        const text = JSON.stringify(value);
        expect(JSON.stringify(parse(text))).toBe(JSON.stringify(JSON.parse(text)));
      }),
    );
  });

  it('survives deep nesting and long strings of escapes', () => {
    const deep = `{"a":${'['.repeat(200_000)}${']'.repeat(200_000)}}`;
    expect(Object.keys(parse(deep))).toEqual(['a']);
    const escapes = `{"a":"${'\\n'.repeat(400_000)}"}`;
    expect(parse(escapes)).toEqual({ a: '\n'.repeat(400_000) });
  });
});

describe('fields', () => {
  it('sees own properties only', () => {
    const record = parse('{"__proto__":{"polluted":"yes"}}');
    expect(field(record, 'polluted')).toBeUndefined();
    expect(field(record, 'toString')).toBeUndefined();
    expect(field(record, '__proto__')).toEqual({ polluted: 'yes' });
  });

  it('reads null as absent', () => {
    const record = parse('{"a":null}');
    expect(stringField(record, 'a', 'it')).toBeUndefined();
    expect(arrayField(record, 'a', 'it')).toEqual([]);
  });

  it('refuses wrong types', () => {
    const record = parse('{"text":5,"list":{"length":1}}');
    thrown('MANIFEST_INVALID', () => stringField(record, 'text', 'it'));
    thrown('MANIFEST_INVALID', () => arrayField(record, 'list', 'it'));
  });
});

describe('quote', () => {
  it('keeps foreign text on one line without control or direction characters', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        expect(quote(text)).not.toMatch(/[\p{Cc}\u2028\u2029\u202a-\u202e\u2066-\u2069]/u);
      }),
    );
    expect(quote('a\n::set-output\u202e\u009b')).toBe('"a\\n::set-output\\u202e\\u009b"');
  });

  it('shortens what is endless', () => {
    expect(quote('x'.repeat(10_000)).length).toBeLessThan(310);
  });
});
