import { describe, expect, it } from 'vitest';
import { openRegistryClient } from '../../src/registry/client.ts';
import { warningsOf } from '../../src/registry/server-warnings.ts';
import { serve } from '../http/served-transport.ts';
import { fixtureImage } from '../support/fixture-image.ts';
import { clientOptionsFor, collect } from '../support/registry-client.ts';

const image = fixtureImage();

describe('the Warning header', () => {
  it.each<[string, string | string[], string[]]>([
    ['one', '299 - "about to move"', ['about to move']],
    ['several', '299 - "a, b", 299 - "c"', ['a, b', 'c']],
    ['several lines', ['299 - "a"', '299 - "b"'], ['a', 'b']],
    ['quotes in it', String.raw`299 - "say \"hello\""`, ['say "hello"']],
    ['warnings of a cache', '110 anderson/1.3.37 "Response is stale", 299 - "a"', ['a']],
    ['another agent', '299 host "a"', []],
    ['no quotes', '299 - a', []],
    ['nothing', '299 - ""', []],
    ['escapes', '299 - "a\u001b[31mb\u2028c"', ['a [31mb c']],
    ['an endless one', `299 - "${'x'.repeat(1000)}"`, [`${'x'.repeat(300)}…`]],
    ['more than there may be', `299 - "${'x'.repeat(5000)}"`, []],
  ])('with %s is read as it is meant', (_what, warning, texts) => {
    expect(warningsOf({ headers: { warning } })).toEqual(texts);
  });

  it('of a registry is told once, and not without end', async () => {
    let count = 0;
    await using served = await serve((_request, response) => {
      const others = `299 - "${count++}"`;
      response.setHeader('warning', ['299 - "about to move"', others]);
      response.setHeader('content-length', image.layer.size);
      response.end(image.bytes(image.layer));
    });
    const { host } = new URL(served.origin);
    const told: string[] = [];
    const client = openRegistryClient({
      ...clientOptionsFor(host),
      tell: ({ kind, message }) => void (kind === 'warning' && told.push(message)),
    });
    const whole = { start: 0, end: image.layer.size };
    for (let times = 0; times < 5; times++)
      await collect((await client.blob(image.layer, whole, new AbortController().signal)).chunks);
    await client.close();
    expect(told).toEqual([`${host} warns: about to move`, `${host} warns: 0`, `${host} warns: 1`]);
  });
});
