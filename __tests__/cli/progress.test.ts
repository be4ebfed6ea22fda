import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { advance, INITIAL_PROGRESS, rate, renderLive, renderStatus } from '../../src/cli/progress.ts';
import type { PullEvent, Stage } from '../../src/progress/events.ts';

/** Events with the time at which each comes, milliseconds. */
type Script = readonly (readonly [at: number, event: PullEvent])[];

function play(script: Script) {
  return script.reduce((progress, [at, event]) => advance(progress, event, at), INITIAL_PROGRESS);
}

const stage = (name: Stage): PullEvent => ({ kind: 'stage', stage: name });
const planned = (bytes: number): PullEvent => ({ kind: 'planned', bytes });
const received = (bytes: number): PullEvent => ({ kind: 'received', bytes });
const resolved: PullEvent = { kind: 'resolved', image: 'i', platform: 'p', layers: 3, compressedSize: 9 };
const unpacked: PullEvent = { kind: 'unpacked', index: 0, entries: 5 };

describe('the status line', () => {
  it.each<[string, Script, number, string]>([
    ['before anything', [], 0, 'resolving the image'],
    ['while packs are restored', [[0, stage('restore')]], 0, 'restoring from the cache'],
    ['while the layers are planned', [[0, stage('plan')]], 0, 'planning'],
    [
      'before the amount is known',
      [
        [0, resolved],
        [0, stage('fetch')],
      ],
      0,
      'unpacking  0 of 3 layers',
    ],
    [
      'when a detour has led back to the plan',
      [
        [0, resolved],
        [0, stage('fetch')],
        [0, unpacked],
        [0, stage('plan')],
        [0, stage('fetch')],
        [0, unpacked],
      ],
      0,
      'unpacking  1 of 3 layers',
    ],
    [
      'before a rate can be told',
      [
        [0, resolved],
        [0, stage('fetch')],
        [0, planned(10_000_000)],
      ],
      0,
      '  0%  0 B of 10.0 MB  0 of 3 layers unpacked',
    ],
    [
      'while bytes come in',
      [
        [0, resolved],
        [0, stage('fetch')],
        [0, planned(10_000_000)],
        [0, received(0)],
        [2000, received(4_000_000)],
      ],
      2000,
      ' 40%  4.00 MB of 10.0 MB  2.00 MB/s  3 s left  0 of 3 layers unpacked',
    ],
    [
      'when the last byte is there',
      [
        [0, resolved],
        [0, stage('fetch')],
        [0, planned(100)],
        [0, received(100)],
        [0, unpacked],
      ],
      0,
      'unpacking  1 of 3 layers',
    ],
    [
      'when nothing has to be fetched',
      [
        [0, resolved],
        [0, stage('fetch')],
        [0, planned(0)],
      ],
      0,
      'unpacking  0 of 3 layers',
    ],
    [
      'at the end',
      [
        [0, resolved],
        [0, stage('finish')],
      ],
      0,
      'finishing',
    ],
  ])('%s', (_, script, now, text) => {
    expect(renderStatus(play(script), now)).toBe(text);
  });

  it('shows the newest plan when it changes', () => {
    const progress = play([
      [0, stage('fetch')],
      [0, planned(100)],
      [0, received(50)],
      [0, planned(200)],
    ]);
    expect(renderStatus(progress, 0)).toContain(' 25%  50 B of 200 B');
  });
});

describe('the live line', () => {
  const half = play([
    [0, resolved],
    [0, stage('fetch')],
    [0, planned(200)],
    [0, received(100)],
  ]);

  it('draws a bar in front', () => {
    expect(renderLive(half, 0, 80)).toMatch(/^\[#{12}-{12}\] {2}50%/);
  });

  it('does without the bar where that would cost figures', () => {
    expect(renderLive(half, 0, 60)).toBe(renderStatus(half, 0));
  });

  it('never is wider than the terminal', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 200 }), (width) => renderLive(half, 0, width).length <= width),
    );
  });
});

describe('the rate', () => {
  it('is unknown while there is too little to measure', () => {
    expect(rate(play([[0, received(10)]]), 10)).toBeUndefined();
  });

  it('forgets what is older than a few seconds', () => {
    const script: Script = [
      [0, received(1_000_000)],
      [60_000, received(100)],
      [61_000, received(100)],
    ];
    expect(rate(play(script), 61_000)).toBe(100);
  });

  it('falls when nothing comes any more', () => {
    const progress = play([
      [0, received(0)],
      [1000, received(1000)],
    ]);
    expect(rate(progress, 4000)).toBeLessThan(rate(progress, 1000) ?? 0);
  });

  it('keeps the memory of a long pull small', () => {
    const script: Script = Array.from({ length: 5000 }, (_, index) => [index * 10, received(1)] as const);
    expect(play(script).samples.length).toBeLessThan(40);
  });
});
