// Damage to JSON that leaves it JSON.
import fc from 'fast-check';

export interface JsonEdit {
  readonly kind: 'replace' | 'delete' | 'duplicate' | 'swap' | 'nest' | 'rename';
  /** Picks a value among all those that are inside of others. */
  readonly at: number;
  readonly other: number;
  readonly value: unknown;
}

const SHA = `sha256:${'ab'.repeat(32)}`;
const VALUES: readonly unknown[] = [
  null,
  true,
  -1,
  0,
  1,
  0.5,
  1e300,
  2 ** 31,
  2 ** 32,
  2 ** 53,
  2 ** 53 - 1,
  -(2 ** 53),
  '',
  'x',
  '0',
  '-1',
  SHA,
  SHA.toUpperCase(),
  `${SHA}0`,
  'sha512:aa',
  'reg',
  'chunk',
  'dir',
  'hardlink',
  'zeros',
  [],
  {},
  [null],
  { type: 'reg' },
  { type: 'chunk' },
  'A'.repeat(5000),
  'AAAA',
  '=',
  2,
  3,
];

export const jsonEdit: fc.Arbitrary<JsonEdit> = fc.record({
  kind: fc.constantFrom('replace', 'replace', 'replace', 'delete', 'duplicate', 'swap', 'nest', 'rename'),
  at: fc.nat(100_000),
  other: fc.nat(100_000),
  value: fc.constantFrom(...VALUES),
});

type Holder = Record<string, unknown>;

/** Where a value stands: arrays count as objects with numbers for keys. */
interface Place {
  readonly holder: Holder;
  readonly key: string;
}

export function editJson(document: unknown, edits: readonly JsonEdit[]): unknown {
  const wrapped: Holder & { document: unknown } = { document: structuredClone(document) };
  for (const edit of edits) {
    const places = placesIn(wrapped);
    const place = places[edit.at % places.length];
    const other = places[edit.other % places.length];
    if (place && other) apply(edit, place, other);
  }
  return wrapped.document;
}

function placesIn(holder: Holder): Place[] {
  const places: Place[] = [];
  const pending = [holder];
  for (let next = pending.pop(); next !== undefined; next = pending.pop())
    for (const [key, value] of Object.entries(next)) {
      places.push({ holder: next, key });
      if (typeof value === 'object' && value !== null) pending.push(value as Holder);
    }
  return places;
}

function apply({ kind, value }: JsonEdit, { holder, key }: Place, other: Place): void {
  const old = holder[key];
  switch (kind) {
    case 'replace':
      holder[key] = structuredClone(value);
      break;
    case 'delete':
      if (Array.isArray(holder)) holder.splice(Number(key), 1);
      else delete holder[key];
      break;
    case 'duplicate':
      if (Array.isArray(holder)) holder.splice(Number(key), 0, structuredClone(old));
      break;
    case 'swap':
      holder[key] = structuredClone(other.holder[other.key]);
      break;
    case 'nest':
      holder[key] = [old];
      break;
    case 'rename':
      holder[`${key}x`] = old;
      break;
  }
}
