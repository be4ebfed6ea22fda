// Texts that are generated: the tables of inputs, outputs and limits, and docs/errors.md.
import type { ActionInput, ActionMetadata, ActionOutput } from './action-metadata.ts';

export function renderInputs(inputs: readonly ActionInput[]): string {
  const rows = inputs.map(({ name, description, required, default: fallback }) => {
    const shown = required ? '*required*' : fallback ? `\`${fallback}\`` : '';
    return `| \`${name}\` | ${shown} | ${cell(description)} |`;
  });
  return ['| input | default | meaning |', '|---|---|---|', ...rows].join('\n');
}

export function renderOutputs(outputs: readonly ActionOutput[]): string {
  const rows = outputs.map(({ name, description }) => `| \`${name}\` | ${cell(description)} |`);
  return ['| output | meaning |', '|---|---|', ...rows].join('\n');
}

export interface LimitRow {
  readonly name: string;
  readonly default: string;
  readonly meaning: string;
}

export function renderLimits(limits: readonly LimitRow[]): string {
  const rows = limits.map(
    ({ name, default: value, meaning }) => `| \`${name}\` | ${value} | ${cell(meaning)} |`,
  );
  return ['| limit | default | of |', '|---|---|---|', ...rows].join('\n');
}

/** The README with all tables put between their markers. Throws when a marker is missing. */
export function updateReadme(readme: string, metadata: ActionMetadata, limits: readonly LimitRow[]): string {
  const tables = {
    inputs: renderInputs(metadata.inputs),
    outputs: renderOutputs(metadata.outputs),
    limits: renderLimits(limits),
  };
  return Object.entries(tables).reduce((text, [name, table]) => replaceBetween(text, name, table), readme);
}

/** docs/errors.md: one heading a code, so that each can be linked to. */
export function renderErrors(codes: Readonly<Record<string, { meaning: string; hint: string }>>): string {
  const sections = Object.entries(codes).map(
    ([code, { meaning, hint }]) => `## ${code}\n\n${meaning}\n\n**What to do:** ${hint}\n`,
  );
  return [ERRORS_INTRODUCTION, ...sections].join('\n');
}

const ERRORS_INTRODUCTION = `# Errors

<!-- Generated from src/errors.ts by \`npm run docs\`; do not edit. -->

Every failure ends with a message, a hint and one of these codes. The message says what happened, to which image, digest
or path; the hint below is the general one, and gives way to a better one where more is known. A failure of the cache
service is never among them: it costs time, and a warning.
`;

function replaceBetween(text: string, name: string, content: string): string {
  const [start, end] = [`<!-- ${name}:start -->`, `<!-- ${name}:end -->`];
  const [from, to] = [text.indexOf(start), text.indexOf(end)];
  if (from < 0 || to < from) throw new Error(`the README has no ${start} … ${end}`);
  return `${text.slice(0, from + start.length)}\n\n${content}\n\n${text.slice(to)}`;
}

function cell(text: string): string {
  return text.replaceAll('|', '\\|').replaceAll('\n', ' ');
}
