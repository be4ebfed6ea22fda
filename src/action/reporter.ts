// Prints what the stages report into the job log: few lines, a heartbeat while data flows, details only in debug runs.
import * as core from '@actions/core';
import type { PullEvent, Stage } from '../progress/events.ts';
import { count, formatBytes, percent } from '../progress/figures.ts';
import { describeImage, describeLayer } from '../progress/layer-line.ts';
import { forLog } from './plain-text.ts';

const HEARTBEAT_MS = 5_000;

/** What is said at the end is for everybody, and stays outside. */
const GROUPS: Partial<Record<Stage, string>> = {
  resolve: 'Resolve the image',
  restore: 'Restore chunks from the cache',
  plan: 'Layers',
  fetch: 'Fetch and unpack',
  unpack: 'Unpack',
};

export type LogSink = Pick<typeof core, 'info' | 'debug' | 'warning' | 'startGroup' | 'endGroup'>;

export interface Reporter {
  readonly emit: (event: PullEvent) => void;
  /** Ends the open group and the heartbeat. */
  readonly close: () => void;
}

export function createReporter(sink: LogSink = core): Reporter {
  const log = new LogReporter(sink);
  return { emit: (event) => log.take(event), close: () => log.close() };
}

class LogReporter {
  readonly #sink: LogSink;
  readonly #heartbeat: NodeJS.Timeout;
  #groupOpen = false;
  #planned = 0;
  #received = 0;
  #said = 0;

  constructor(sink: LogSink) {
    this.#sink = sink;
    this.#heartbeat = setInterval(() => this.#beat(), HEARTBEAT_MS).unref();
  }

  take(event: PullEvent): void {
    if (event.kind === 'stage') this.#enter(event.stage);
    else if (event.kind === 'planned') this.#planned = event.bytes;
    else if (event.kind === 'replanned') this.#planned += event.bytes;
    else if (event.kind === 'received') this.#received += event.bytes;
    else this.#print(event);
  }

  close(): void {
    clearInterval(this.#heartbeat);
    this.#endGroup();
  }

  #enter(stage: Stage): void {
    this.#endGroup();
    const title = GROUPS[stage];
    if (title === undefined) return;
    this.#sink.startGroup(title);
    this.#groupOpen = true;
  }

  #endGroup(): void {
    if (this.#groupOpen) this.#sink.endGroup();
    this.#groupOpen = false;
  }

  #print(event: Exclude<PullEvent, { kind: 'stage' | 'planned' | 'replanned' | 'received' }>): void {
    if (event.kind === 'warning') this.#sink.warning(forLog(event.message));
    else if (event.kind === 'debug') this.#sink.debug(forLog(event.message));
    else if (event.kind === 'unpacked')
      this.#sink.debug(
        `layer ${event.index + 1}: ${count(event.entries, 'entry').replace('entrys', 'entries')}`,
      );
    else this.#sink.info(forLog(describe(event)));
  }

  #beat(): void {
    if (this.#received === this.#said) return;
    this.#said = this.#received;
    const of =
      this.#planned > 0
        ? ` of ${formatBytes(this.#planned)} (${percent(this.#received, this.#planned)})`
        : '';
    this.#sink.info(`fetched ${formatBytes(this.#received)}${of}`);
  }
}

function describe(event: Extract<PullEvent, { kind: 'resolved' | 'layer' | 'info' }>): string {
  if (event.kind === 'info') return event.message;
  return event.kind === 'resolved' ? describeImage(event) : describeLayer(event);
}
