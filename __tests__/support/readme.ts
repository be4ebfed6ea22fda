// The examples of the README: commands for a shell, and steps of a job that use the action.
import { readFileSync } from 'node:fs';
import { parse } from 'yaml';

export interface Step {
  readonly uses?: string;
  readonly with?: Readonly<Record<string, string>>;
  readonly run?: string;
  readonly env?: Readonly<Record<string, string>>;
}

const README = readFileSync(new URL('../../README.md', import.meta.url), 'utf8');

function blocks(language: string): { readonly line: number; readonly text: string }[] {
  const pattern = new RegExp(`^\`\`\`${language}\\n([\\s\\S]*?)^\`\`\`$`, 'gm');
  return [...README.matchAll(pattern)].map(({ index, 1: text = '' }) => {
    return { line: README.slice(0, index).split('\n').length, text };
  });
}

export const shellExamples = blocks('sh');

/** Steps as they stand under `steps:`, or by themselves. */
export const jobExamples = blocks('yaml').flatMap(({ line, text }) => {
  const document: unknown = parse(text);
  const steps = Array.isArray(document) ? document : stepsOf(document);
  return steps ? [{ line, steps: steps as readonly Step[] }] : [];
});

function stepsOf(document: unknown): unknown[] | undefined {
  const { jobs, steps } = document as { jobs?: Record<string, { steps: unknown[] }>; steps?: unknown[] };
  return jobs ? Object.values(jobs).flatMap((job) => job.steps) : steps;
}
