import { describe, expect, it } from 'vitest';
import { decideSave, MAX_PULL_REQUEST_BYTES, type SaveFacts } from '../../src/action/save-policy.ts';
import { readSaveSettings } from '../../src/action/save-settings.ts';
import * as keys from '../../src/cache/keys.ts';
import type { PackFate } from '../../src/cache/pack-carrier.ts';
import type { SavePlan } from '../../src/cache/save-plan.ts';
import { imageIdentity, PREFIX, TODAY } from '../support/cache-flow.ts';

const MIB = 2 ** 20;
const image = imageIdentity('v2');
const pack = (name: number, mebibytes: number) => {
  const key = name.toString(16).padStart(40, '0');
  return { key, path: `/packs/${key}.pack`, size: mebibytes * MIB, liveBytes: mebibytes * MIB };
};

interface Found {
  readonly head?: string;
  readonly fate?: PackFate;
}

/** 500 MiB in the cache already, or not, and `fresh` MiB that this pull has brought. */
function plan(fresh: number, { head, fate = 'fetched' }: Found = {}): SavePlan {
  const [old, added] = [pack(1, 500), pack(2, fresh)];
  const headKey = head && keys.headKey(PREFIX, imageIdentity(head), TODAY);
  const restored = headKey ? { image, headKey, packs: [{ key: old.key, fate }] } : { image, packs: [] };
  const newPacks = fresh > 0 ? [added] : [];
  return { prefix: PREFIX, restored, newPacks, livePacks: headKey ? [old, ...newPacks] : newPacks };
}

const usual: SaveFacts = {
  requested: 'auto',
  ref: 'refs/heads/main',
  settings: readSaveSettings(() => ''),
};
const pullRequest = { ref: 'refs/pull/7/merge' };
const large = MAX_PULL_REQUEST_BYTES / MIB + 1;

describe('what a pull has brought is saved', () => {
  it.each<[string, SavePlan, Partial<SaveFacts>]>([
    ['when the cache was empty', plan(100), {}],
    ['when it is an update', plan(5, { head: 'v1' }), {}],
    ['when it is small but replaces what was damaged', plan(1, { head: 'v2' }), {}],
    ['when a pack of this image is gone', plan(0, { head: 'v2', fate: 'unusable' }), {}],
    ['in a pull request when the cache was empty', plan(1000), pullRequest],
    ['in a pull request when it is little', plan(64, { head: 'v1' }), pullRequest],
    [
      'in a pull request when the user says so',
      plan(large, { head: 'v1' }),
      { ...pullRequest, requested: 'write' },
    ],
    ['when it fills the limit', plan(1548, { head: 'v1' }), {}],
  ])('%s', (_, work, facts) => {
    expect(decideSave(work, { ...usual, ...facts })).toEqual({ save: true });
  });
});

describe('what a pull has brought is not saved', () => {
  it.each<[string, SavePlan, Partial<SaveFacts>, string, RegExp]>([
    [
      'when it is too little',
      plan(3, { head: 'v1' }),
      {},
      'info',
      /^Nothing is saved .*: 3\S* MB of new data is less than cache-min-size, 4/,
    ],
    ['when only the manifest is new', plan(0, { head: 'v1' }), {}, 'info', /cache-min-size/],
    ['when the image alone is too little', plan(3), {}, 'info', /cache-min-size/],
    [
      'when it would take more than the limit',
      plan(1549, { head: 'v1' }),
      {},
      'notice',
      /cache-save-limit is 2/,
    ],
    ['in a pull request when it is much', plan(large, { head: 'v1' }), pullRequest, 'info', /pull request/],
  ])('%s', (_, work, facts, level, reason) => {
    expect(decideSave(work, { ...usual, ...facts })).toEqual({
      save: false,
      level,
      reason: expect.stringMatching(reason),
    });
  });

  it('without a word when there is nothing new', () => {
    expect(decideSave(plan(0, { head: 'v2' }), usual)).toEqual({ save: false });
  });
});

describe('the settings for saving', () => {
  const read = (inputs: Record<string, string>) => readSaveSettings((name) => inputs[name] ?? '');

  it('have defaults', () => {
    expect(read({})).toEqual({ minBytes: 4 * MIB, maxBytes: 2048 * MIB, deadlineMs: 120_000 });
  });

  it('take sizes with and without a unit, zero too, and seconds', () => {
    const inputs = { 'cache-min-size': '0', 'cache-save-limit': '10GiB', 'cache-save-timeout': '30' };
    expect(read(inputs)).toEqual({ minBytes: 0, maxBytes: 10 * 1024 * MIB, deadlineMs: 30_000 });
    expect(read({ 'cache-min-size': '1000' }).minBytes).toBe(1000);
  });

  it.each([
    ['cache-min-size', '4MB'],
    ['cache-min-size', '-1'],
    ['cache-save-limit', '1.5GiB'],
    ['cache-save-limit', '9999999999TiB'],
    ['cache-save-timeout', '0'],
    ['cache-save-timeout', '99999'],
    ['cache-save-timeout', '2m'],
  ])('refuse %s: %s', (name, value) => {
    expect(() => read({ [name]: value })).toThrow(`the input ${name} is`);
  });
});
