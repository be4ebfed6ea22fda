import { describe, expect, it } from 'vitest';
import type { PlanLayer } from '../../src/plan/fetch-plan.ts';
import { planFetch } from '../../src/plan/plan.ts';

const OPTIONS = { pack: 0, packOffset: 0, packTarget: 1 << 20 };
const layer = (digit: string, at?: { path: string; offset: number }): PlanLayer => ({
  kind: 'plain',
  digest: `sha256:${digit.repeat(64)}`,
  compressedSize: 100,
  at,
});

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

  it('prefers the place to a copy in the store, and knows a sha512 digest as well', () => {
    const stored = () => ({ path: '/pack', offset: 0, compressedSize: 100, size: 100 });
    const at = { path: '/layout/blob', offset: 0 };
    const long = { ...layer('a', at), digest: `sha512:${'a'.repeat(128)}` };
    const plan = planFetch([layer('a', at), long], stored, OPTIONS);
    expect(plan.files).toEqual([{ kind: 'local', path: at.path }]);
    expect(plan.groups).toEqual([]);
  });
});
