// Shows a pull's events on a stream for messages: a live line where it is a terminal, a line every few seconds where not.
import type { PullEvent } from '../progress/events.ts';
import { describeImage, describeLayer } from '../progress/layer-line.ts';
import { asFlags } from '../progress/option-names.ts';
import { oneLine } from '../progress/plain-text.ts';
import { advance, INITIAL_PROGRESS, type Progress, renderLive, renderStatus } from './progress.ts';

export interface ReporterOptions {
  readonly write: (text: string) => void;
  /** Columns of the terminal; undefined where `write` does not reach one. Asked anew at each drawing. */
  readonly columns: () => number | undefined;
  /** Shows nothing but vital warnings. */
  readonly quiet: boolean;
  /** Shows debug events too. */
  readonly debug: boolean;
}

export const REDRAW_MS = 100;
export const HEARTBEAT_MS = 5_000;
const CLEAR_LINE = '\r\u001b[K';

export class Reporter {
  readonly #options: ReporterOptions;
  readonly #timer: NodeJS.Timeout | undefined;
  #progress: Progress = INITIAL_PROGRESS;
  #lastStatus = '';
  #drawn = false;

  constructor(options: ReporterOptions) {
    this.#options = options;
    if (options.quiet) return;
    const live = options.columns() !== undefined;
    const tick = (): void => (live ? this.#draw() : this.#beat());
    this.#timer = setInterval(tick, live ? REDRAW_MS : HEARTBEAT_MS).unref();
  }

  readonly emit = (event: PullEvent): void => {
    this.#progress = advance(this.#progress, event, performance.now());
    if (event.kind === 'warning') this.#message(`warning: ${event.message}`, event.isVital);
    if (event.kind === 'info') this.#message(event.message);
    if (event.kind === 'resolved') this.#message(describeImage(event));
    if (event.kind === 'layer') this.#message(describeLayer(event));
    if (event.kind === 'debug' && this.#options.debug) this.#message(`debug: ${event.message}`);
  };

  /** Ends the live line; nothing is shown afterwards. */
  stop(): void {
    clearInterval(this.#timer);
    this.#clear();
  }

  #message(text: string, isVital = false): void {
    if (this.#options.quiet && !isVital) return;
    this.#clear();
    this.#options.write(`${oneLine(asFlags(text))}\n`);
  }

  #draw(): void {
    const columns = this.#options.columns() ?? 80;
    this.#options.write(`${CLEAR_LINE}${renderLive(this.#progress, performance.now(), columns - 1)}`);
    this.#drawn = true;
  }

  #beat(): void {
    const status = renderStatus(this.#progress, performance.now());
    if (status !== this.#lastStatus) this.#options.write(`${status.trimStart()}\n`);
    this.#lastStatus = status;
  }

  #clear(): void {
    if (this.#drawn) this.#options.write(CLEAR_LINE);
    this.#drawn = false;
  }
}
