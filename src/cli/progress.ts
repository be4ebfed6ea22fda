// How far a pull is, worked out from its events, and that in one line of text. Pure: the time is an argument.
import type { PullEvent, Stage } from '../progress/events.ts';
import { formatBytes, formatDuration, percent } from '../progress/figures.ts';

export interface Progress {
  readonly stage: Stage;
  readonly layers: number;
  readonly layersUnpacked: number;
  /** Bytes to be fetched; undefined until it is planned. */
  readonly planned: number | undefined;
  readonly received: number;
  /** Recent totals of received bytes, oldest first, from which the rate is measured. */
  readonly samples: readonly Sample[];
}

interface Sample {
  readonly at: number;
  readonly received: number;
}

const RATE_WINDOW_MS = 5_000;
const SAMPLE_DISTANCE_MS = 200;
const BAR_WIDTH = 24;

export const INITIAL_PROGRESS: Progress = {
  stage: 'resolve',
  layers: 0,
  layersUnpacked: 0,
  planned: undefined,
  received: 0,
  samples: [],
};

/** The progress after an event that came at `now` (milliseconds of any clock). */
export function advance(progress: Progress, event: PullEvent, now: number): Progress {
  switch (event.kind) {
    case 'stage':
      // An attempt begins with its plan, and unpacks all layers.
      return { ...progress, stage: event.stage, ...(event.stage === 'plan' ? { layersUnpacked: 0 } : {}) };
    case 'resolved':
      return { ...progress, layers: event.layers };
    case 'planned':
      return { ...progress, planned: event.bytes };
    case 'replanned':
      return { ...progress, planned: Math.max(0, (progress.planned ?? 0) + event.bytes) };
    case 'unpacked':
      return { ...progress, layersUnpacked: progress.layersUnpacked + 1 };
    case 'received':
      return receive(progress, event.bytes, now);
    default:
      return progress;
  }
}

function receive(progress: Progress, bytes: number, now: number): Progress {
  const received = progress.received + bytes;
  const last = progress.samples.at(-1);
  if (last && now - last.at < SAMPLE_DISTANCE_MS) return { ...progress, received };
  const first = last ? [] : [{ at: now, received: progress.received }];
  const recent = progress.samples.filter((sample) => now - sample.at <= RATE_WINDOW_MS);
  return { ...progress, received, samples: [...recent, ...first, { at: now, received }] };
}

/** Bytes a second over the last few seconds; undefined while too little is known. */
export function rate(progress: Progress, now: number): number | undefined {
  const oldest = progress.samples.find((sample) => now - sample.at <= RATE_WINDOW_MS);
  if (!oldest || now - oldest.at < SAMPLE_DISTANCE_MS) return undefined;
  return ((progress.received - oldest.received) / (now - oldest.at)) * 1000;
}

/** The live line of a terminal: at most `width` columns, with a bar where there is room for one. */
export function renderLive(progress: Progress, now: number, width: number): string {
  const status = renderStatus(progress, now);
  if (!showsBytes(progress)) return status.slice(0, width);
  const withBar = `[${renderBar(progress.received, progress.planned ?? 0)}] ${status}`;
  return withBar.length <= width ? withBar : status.slice(0, width);
}

/** One line of a log. */
export function renderStatus(progress: Progress, now: number): string {
  if (!showsBytes(progress)) return STAGE_TEXT[progress.stage] + layersText(progress);
  const { planned = 0, received } = progress;
  const speed = rate(progress, now);
  return [
    percent(received, planned).padStart(4),
    `${formatBytes(received)} of ${formatBytes(planned)}`,
    ...(speed === undefined ? [] : [`${formatBytes(speed)}/s`]),
    ...timeLeft(planned - received, speed),
    `${progress.layersUnpacked} of ${progress.layers} layers unpacked`,
  ].join('  ');
}

const STAGE_TEXT: Readonly<Record<Stage, string>> = {
  resolve: 'resolving the image',
  restore: 'restoring from the cache',
  plan: 'planning',
  fetch: 'unpacking',
  unpack: 'unpacking',
  finish: 'finishing',
};

/** Once the last byte is there, the layers are what is left to wait for. */
function showsBytes({ stage, planned, received }: Progress): boolean {
  return (stage === 'fetch' || stage === 'unpack') && planned !== undefined && received < planned;
}

function layersText({ stage, layers, layersUnpacked }: Progress): string {
  return stage === 'fetch' || stage === 'unpack' ? `  ${layersUnpacked} of ${layers} layers` : '';
}

/** In whole seconds, rounded up: digits behind the point would only flicker. */
function timeLeft(bytes: number, speed: number | undefined): string[] {
  if (speed === undefined || speed < 1) return [];
  const seconds = Math.ceil(bytes / speed);
  return [`${seconds < 60 ? `${seconds} s` : formatDuration(seconds * 1000)} left`];
}

function renderBar(part: number, total: number): string {
  const filled = Math.floor((part / total) * BAR_WIDTH);
  return '#'.repeat(filled).padEnd(BAR_WIDTH, '-');
}
