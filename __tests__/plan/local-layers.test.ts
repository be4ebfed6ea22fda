import { describe, expect, it } from 'vitest';
import type { OutsideBlob, PlanLayer } from '../../src/plan/fetch-plan.ts';
import { planFetch } from '../../src/plan/plan.ts';

const OPTIONS = { pack: 0, packOffset: 0, packTarget: 1 << 20 };
const DIFF_ID = `sha256:${'d'.repeat(64)}`;
const layer = (digit: string, place?: Partial<OutsideBlob> & { path: string; offset: number }): PlanLayer => {
  const digest = `sha256:${digit.repeat(64)}`;
  return { kind: 'plain', digest, compressedSize: 100, at: place && { digest, size: 100, ...place } };
};

describe('the plan for layers on this machine', () => {
  it('reads them where they stand, fetches nothing of them and puts them in no pack', () => {
    const at = { path: '/archive.tar', offset: 512 };
    const plan = planFetch(
      [layer('a', at), layer('b'), layer('c', { ...at, offset: 1024 })],
      () => undefined,
      OPTIONS,
    );
    const files = plan.layers.map((planned) => planned.kind === 'plain' && plan.files[planned.file]);
    const local = { kind: 'local', path: at.path };
    expect(files).toEqual([local, { kind: 'new', pack: 0 }, local]);
    expect(plan.layers).toMatchObject([
      { offset: 512, groups: [] },
      { groups: [0] },
      { offset: 1024, groups: [] },
    ]);
    expect(plan.bytes.map(({ missing }) => missing)).toEqual([0, 100, 0]);
    expect(plan.chunks.map(({ digest }) => digest)).toEqual([`sha256:${'b'.repeat(64)}`]);
  });

  it('reads the tar stream of a layer in its place, by its own digest and size', () => {
    const at = { path: '/archive.tar', offset: 512, digest: DIFF_ID, size: 3000 };
    const plan = planFetch([layer('a', at)], () => undefined, OPTIONS);
    expect(plan.layers).toMatchObject([{ digest: DIFF_ID, compressedSize: 3000, groups: [] }]);
    expect(plan.bytes).toEqual([{ missing: 0, cached: 100 }]);
  });

  it('prefers the place to a copy in the store, and knows a sha512 digest as well', () => {
    const stored = () => ({ path: '/pack', offset: 0, compressedSize: 100, size: 100 });
    const at = { path: '/layout/blob', offset: 0 };
    const long = { ...layer('a', at), digest: `sha512:${'a'.repeat(128)}` };
    const plan = planFetch([layer('a', at), long], stored, OPTIONS);
    expect(plan.files).toEqual([{ kind: 'local', path: at.path }]);
    expect(plan.groups).toEqual([]);
  });
});
