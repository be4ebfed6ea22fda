// Reads the inputs and outputs of action.yml. Only the few forms of YAML that file uses are understood; anything else is refused.

export interface ActionInput {
  readonly name: string;
  readonly description: string;
  readonly required: boolean;
  /** Absent where action.yml gives none. */
  readonly default?: string;
}

export interface ActionOutput {
  readonly name: string;
  readonly description: string;
}

export interface ActionMetadata {
  readonly inputs: readonly ActionInput[];
  readonly outputs: readonly ActionOutput[];
}

interface Line {
  readonly number: number;
  readonly indent: number;
  readonly text: string;
}

type Properties = Map<string, string>;

const INPUT_KEYS = ['description', 'required', 'default', 'deprecationMessage'];
const OUTPUT_KEYS = ['description'];

/** Throws an Error that names the line where the text is not of the expected form. */
export function parseActionMetadata(text: string): ActionMetadata {
  const lines = text
    .split('\n')
    .map((line, index) => ({ number: index + 1, indent: line.search(/\S|$/), text: line.trim() }))
    .filter((line) => line.text !== '' && !line.text.startsWith('#'));
  const inputs = [...section(lines, 'inputs', INPUT_KEYS)].map(([name, properties]) =>
    toInput(name, properties),
  );
  const outputs = [...section(lines, 'outputs', OUTPUT_KEYS)].map(([name, properties]) => ({
    name,
    description: required(name, properties, 'description'),
  }));
  return { inputs, outputs };
}

function toInput(name: string, properties: Properties): ActionInput {
  const fallback = properties.get('default');
  return {
    name,
    description: required(name, properties, 'description'),
    required: properties.get('required') === 'true',
    ...(fallback === undefined ? {} : { default: fallback }),
  };
}

function required(name: string, properties: Properties, key: string): string {
  const value = properties.get(key);
  if (!value) throw new Error(`action.yml: ${name} has no ${key}`);
  return value;
}

/** The entries of a top-level mapping: two blanks before a name, four before its properties. */
function section(lines: readonly Line[], title: string, keys: readonly string[]): Map<string, Properties> {
  const start = lines.findIndex((line) => line.indent === 0 && line.text === `${title}:`);
  if (start < 0) throw new Error(`action.yml has no ${title}`);
  const end = lines.findIndex((line, index) => index > start && line.indent === 0);
  const entries = new Map<string, Properties>();
  let properties: Properties = new Map();
  const rest = lines.slice(start + 1, end < 0 ? undefined : end);
  while (rest.length > 0) {
    const line = rest.shift();
    if (!line) break;
    if (line.indent === 2) {
      properties = new Map();
      entries.set(entryName(line), properties);
    } else {
      const { key, value } = property(line, rest);
      if (!keys.includes(key)) throw fault(line, `unknown property ${key}`);
      properties.set(key, value);
    }
  }
  return entries;
}

function entryName(line: Line): string {
  const [, name] = /^([a-z][a-z0-9-]*):$/.exec(line.text) ?? [];
  if (name === undefined) throw fault(line, 'expected a name and a colon');
  return name;
}

/** Reads one property; takes the lines of a block scalar off `rest`. */
function property(line: Line, rest: Line[]): { key: string; value: string } {
  const [, key, value] = /^([A-Za-z]+):(?: (.*))?$/.exec(line.text) ?? [];
  if (line.indent !== 4 || key === undefined) throw fault(line, 'expected a property, four blanks in');
  return { key, value: value === '>-' ? folded(rest) : scalar(line, value ?? '') };
}

function folded(rest: Line[]): string {
  const end = rest.findIndex((line) => line.indent < 6);
  const block = rest.splice(0, end < 0 ? rest.length : end);
  return block.map((line) => line.text).join(' ');
}

function scalar(line: Line, value: string): string {
  const [, single] = /^'((?:[^']|'')*)'$/.exec(value) ?? [];
  if (single !== undefined) return single.replaceAll("''", "'");
  const [, double] = /^"([^"\\]*)"$/.exec(value) ?? [];
  if (double !== undefined) return double;
  if (value === '' || /^[!&*[\]{}>|@`'"%?-]|: | #/.test(value))
    throw fault(line, 'a value of this form is not understood');
  return value;
}

function fault(line: Line, what: string): Error {
  return new Error(`action.yml, line ${line.number}: ${what}: ${line.text}`);
}
