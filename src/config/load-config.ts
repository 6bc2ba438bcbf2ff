import { readFile } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { isMap, isNode, isScalar, LineCounter, parseDocument, visit, type Document } from 'yaml';
import type { z } from 'zod';
import { configSchema, type Config } from './config.schema.js';

type Environment = Readonly<Record<string, string | undefined>>;

/** Environment variable -> field of the configuration; it wins over the file. */
const overrides: Readonly<Record<string, readonly string[]>> = {
  REINSTATE_DATABASE_URL: ['database', 'url'],
  REINSTATE_RUNTIME_DATABASE_URL: ['database', 'runtime_url'],
  REINSTATE_HOST: ['http', 'host'],
  REINSTATE_PORT: ['http', 'port'],
  REINSTATE_PUBLIC_URL: ['http', 'public_url'],
  REINSTATE_DATA_DIRECTORY: ['data_directory'],
  REINSTATE_ENCRYPTION_KEY: ['encryption_key'],
  REINSTATE_LOG_LEVEL: ['log_level'],
  OTEL_EXPORTER_OTLP_ENDPOINT: ['tracing', 'endpoint'],
  OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: ['tracing', 'traces_url'],
};

export interface LoadedConfig {
  readonly config: Config;
  /** directory of the file, against which its relative paths are meant; the working directory without a file */
  readonly directory: string;
}

/** Every fault of a configuration at once, each with the place where it stands. */
export class ConfigFault extends Error {
  override readonly name = 'ConfigFault';

  constructor(readonly faults: readonly string[]) {
    super(
      `the configuration has ${faults.length} fault(s):\n${faults.map((fault) => `  - ${fault}`).join('\n')}`,
    );
  }
}

/** Reads the file named by REINSTATE_CONFIG (if any) and the environment, and checks the whole. */
export async function loadConfig(environment: Environment = process.env): Promise<LoadedConfig> {
  const path = environment['REINSTATE_CONFIG'];
  if (path === undefined || path === '') {
    return {
      config: parseConfig('{}', { file: '(no file)', environment }),
      directory: process.cwd(),
    };
  }
  const file = resolve(path);
  const text = await readFile(file, 'utf8').catch((error: unknown) => {
    const why = error instanceof Error && 'code' in error ? String(error.code) : 'unreadable';
    throw new ConfigFault([
      `REINSTATE_CONFIG: cannot read ${file} (${why}); name a YAML file that this user can read`,
    ]);
  });
  return { config: parseConfig(text, { file, environment }), directory: dirname(file) };
}

/** Checks a configuration's text. `${NAME}` in a value stands for an environment variable, which must be set. */
export function parseConfig(
  text: string,
  source: { file: string; environment: Environment },
): Config {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false });
  if (document.errors.length > 0) {
    // the message alone: the line itself may hold a password
    throw new ConfigFault(
      document.errors.map(({ pos, message }) => {
        const { line, col } = lines.linePos(pos[0]);
        return `${source.file}:${line}:${col}: ${message}`;
      }),
    );
  }
  const faults = fillIn(document, source, lines);
  const overridden = applyOverrides(document, source.environment);
  const place: Place = { document, lines, file: source.file, overridden };
  const given: unknown = document.toJS() ?? {};
  const parsed = configSchema.safeParse(given);
  const issues = parsed.success ? [] : parsed.error.issues;
  faults.push(...issues.flatMap((issue) => describe(issue, place)));
  // also where something else is wrong: all faults are named at once
  faults.push(...givenTwice(given, place));
  if (faults.length > 0 || !parsed.success) throw new ConfigFault(faults);
  return parsed.data;
}

/** Replaces `${NAME}` in every text; names the variables that are not set. */
function fillIn(
  document: Document,
  source: { file: string; environment: Environment },
  lines: LineCounter,
): string[] {
  const faults: string[] = [];
  visit(document, {
    Scalar(_key, node) {
      if (typeof node.value !== 'string') return;
      node.value = node.value.replaceAll(/\$\{([A-Z_][A-Z0-9_]*)\}/g, (whole, name: string) => {
        const value = source.environment[name];
        if (value !== undefined) return value;
        faults.push(`${at(source.file, node, lines)}: the environment variable ${name} is not set`);
        return whole;
      });
    },
  });
  return faults;
}

/** Puts in what the environment gives; tells which variable each of those fields comes from. */
function applyOverrides(document: Document, environment: Environment): ReadonlyMap<string, string> {
  const overridden = new Map<string, string>();
  for (const [name, path] of Object.entries(overrides)) {
    const text = environment[name];
    if (text === undefined || text === '' || !makeRoom(document, path)) continue;
    const isNumber = path.at(-1) === 'port' && /^\d+$/.test(text);
    document.setIn(path, isNumber ? Number(text) : text);
    overridden.set(path.join('.'), name);
  }
  return overridden;
}

/** Makes a map of what is empty on the way to a field; false where something else stands there, which is a fault. */
function makeRoom(document: Document, path: readonly string[]): boolean {
  for (let length = 0; length < path.length; length += 1) {
    const above = path.slice(0, length);
    const node: unknown = length === 0 ? document.contents : document.getIn(above, true);
    const isEmpty = node === null || node === undefined || (isScalar(node) && node.value === null);
    if (!isEmpty && !isMap(node)) return false;
    if (isEmpty && length === 0) document.contents = document.createNode({});
    else if (isEmpty) document.setIn(above, document.createNode({}));
  }
  return true;
}

/** What no field knows of itself: names that must be each one's own. */
const unique = [
  { list: 'shops', field: 'id' },
  { list: 'receivers', field: 'name' },
] as const;

function givenTwice(given: unknown, place: Place): string[] {
  return unique.flatMap(({ list, field }) => {
    const values = valuesOf(given, { list, field });
    return values.flatMap((value, index) =>
      typeof value === 'string' && values.indexOf(value) < index
        ? [
            `${whereOf([list, index, field], place)}: the ${field} "${value}" is given twice; each needs one of its own`,
          ]
        : [],
    );
  });
}

function valuesOf(given: unknown, { list, field }: { list: string; field: string }): unknown[] {
  const items = fieldOf(given, list);
  return Array.isArray(items) ? items.map((item) => fieldOf(item, field)) : [];
}

function fieldOf(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null
    ? (value as Record<string, unknown>)[name]
    : undefined;
}

interface Place {
  readonly document: Document;
  readonly lines: LineCounter;
  readonly file: string;
  /** dotted path of a field -> environment variable that it was taken from */
  readonly overridden: ReadonlyMap<string, string>;
}

function describe(issue: z.core.$ZodIssue, place: Place): string[] {
  // of a choice between forms, the one that fits most is the one that was meant
  if (issue.code === 'invalid_union') {
    const [closest] = [...issue.errors].sort((a, b) => a.length - b.length);
    if (closest !== undefined && closest.length > 0) {
      return closest.flatMap((inner) =>
        describe({ ...inner, path: [...issue.path, ...inner.path] }, place),
      );
    }
  }
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map(
      (key) =>
        `${whereOfKey([...issue.path, key], place)}: there is no such setting; docs/configuration.md has those that there are`,
    );
  }
  return [`${whereOf(issue.path, place)}: ${issue.message}`];
}

/** Where a key itself stands, which has no value that anybody knows. */
function whereOfKey(path: readonly PropertyKey[], place: Place): string {
  const { document, lines, file } = place;
  const above = path.slice(0, -1);
  const map: unknown = above.length === 0 ? document.contents : document.getIn(above, true);
  const key = isMap(map)
    ? map.items.map((pair) => pair.key).find((one) => isScalar(one) && one.value === path.at(-1))
    : undefined;
  return isScalar(key) ? `${at(file, key, lines)} ${nameOf(path)}` : whereOf(path, place);
}

function nameOf(path: readonly PropertyKey[]): string {
  const name = path
    .map((part) => (typeof part === 'number' ? `[${part}]` : `.${String(part)}`))
    .join('');
  return name === '' ? '(the whole file)' : name.replace(/^\./, '');
}

function whereOf(
  path: readonly PropertyKey[],
  { document, lines, file, overridden }: Place,
): string {
  const variable = overridden.get(path.join('.'));
  if (variable !== undefined) return variable;
  const name = nameOf(path);
  for (let length = path.length; length >= 0; length -= 1) {
    const node: unknown =
      length === 0 ? document.contents : document.getIn(path.slice(0, length), true);
    if (isNode(node) && (length > 0 || isMap(node))) return `${at(file, node, lines)} ${name}`;
  }
  return `${file} ${name}`;
}

function at(
  file: string,
  node: { range?: readonly number[] | null | undefined },
  lines: LineCounter,
): string {
  const offset = node.range?.[0];
  if (offset === undefined) return file;
  const { line, col } = lines.linePos(offset);
  return `${file}:${line}:${col}`;
}
