// What Docker's engine answers: a JSON object a line, as it goes on, and a failure also after it has answered 200.
import type { Readable } from 'node:stream';
import { StringDecoder } from 'node:string_decoder';

/** A longer line is cut off, and taken for a refusal: what it would have said is not known. */
const MAX_LINE = 64 << 10;
const MAX_ANSWER_BYTES = 16 << 20;
/** Of what it says, the last. */
const MAX_SAID = 100;
/** Of a reason, in UTF-16 units. */
const MAX_REASON = 500;

export interface EngineAnswer {
  readonly said: readonly string[];
  /** Why it failed, by its own account. */
  readonly reason: string | undefined;
  /** With which it begins, for one that is no JSON. */
  readonly start: string;
}

/** Reads it to its end. Throws where it breaks off, or goes on for ever. */
export async function readAnswer(answer: Readable): Promise<EngineAnswer> {
  const decoder = new StringDecoder('utf8');
  const lines = new AnswerLines();
  let bytes = 0;
  for await (const piece of answer as AsyncIterable<Buffer>) {
    bytes += piece.length;
    if (bytes > MAX_ANSWER_BYTES) throw new Error(`it answers with more than ${MAX_ANSWER_BYTES} bytes`);
    lines.push(decoder.write(piece));
  }
  lines.end();
  return lines;
}

class AnswerLines implements EngineAnswer {
  readonly said: string[] = [];
  reason: string | undefined;
  start = '';
  #line = '';

  push(text: string): void {
    this.start = (this.start + text).slice(0, MAX_REASON);
    const [first = '', ...others] = text.split('\n');
    this.#line = (this.#line + first).slice(0, MAX_LINE + 1);
    for (const next of others) {
      this.end();
      this.#line = next.slice(0, MAX_LINE + 1);
    }
  }

  end(): void {
    if (this.#line.length > MAX_LINE) this.reason ??= this.#line.slice(0, MAX_REASON);
    const { stream, error, errorDetail, message } = membersOf(this.#line);
    if (typeof stream === 'string' && stream.trim() !== '') this.said.push(stream.trim());
    if (this.said.length > MAX_SAID) this.said.shift();
    const detail = membersOf(errorDetail).message;
    const reason = [error, detail, message].find((each) => typeof each === 'string');
    if (typeof reason === 'string') this.reason ??= reason.slice(0, MAX_REASON);
    this.#line = '';
  }
}

function membersOf(value: unknown): Record<string, unknown> {
  if (typeof value === 'object' && value !== null) return value as Record<string, unknown>;
  if (typeof value !== 'string') return {};
  try {
    const parsed: unknown = JSON.parse(value);
    return typeof parsed === 'object' && parsed !== null ? (parsed as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}
