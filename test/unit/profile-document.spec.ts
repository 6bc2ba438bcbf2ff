import { readFile } from 'node:fs/promises';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { parse } from 'yaml';
import { z } from 'zod';
import { parseProfile } from '../../src/shops/profile-file.js';
import { profileSchema } from '../../src/shops/profile.js';
import { profileBlocks } from '../support/profile-document.js';

interface Schema {
  readonly $ref?: string;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly additionalProperties?: Schema | boolean;
  readonly items?: Schema;
  readonly anyOf?: readonly Schema[];
  readonly oneOf?: readonly Schema[];
  readonly enum?: readonly unknown[];
  readonly const?: unknown;
  readonly $defs?: Readonly<Record<string, Schema>>;
}

/** The grammar's keys, as paths such as `tables.*.columns.*.delta.from`, and the words that stand as values. */
interface Grammar {
  readonly paths: Set<string>;
  readonly words: Set<string>;
}

const whole = z.toJSONSchema(profileSchema, { io: 'input' }) as Schema;

function resolved(schema: Schema): Schema {
  const name = schema.$ref?.split('/').at(-1);
  return name === undefined ? schema : (whole.$defs?.[name] ?? whole);
}

function walk(given: Schema, path: string, grammar: Grammar, seen: readonly Schema[] = []): void {
  const schema = resolved(given);
  if (seen.includes(schema)) return;
  const into = (next: Schema, at: string) => walk(next, at, grammar, [...seen, schema]);
  for (const [key, next] of Object.entries(schema.properties ?? {})) {
    const at = path === '' ? key : `${path}.${key}`;
    grammar.paths.add(at);
    into(next, at);
  }
  for (const one of [...(schema.anyOf ?? []), ...(schema.oneOf ?? [])]) into(one, path);
  if (schema.items !== undefined) into(schema.items, path);
  if (typeof schema.additionalProperties === 'object')
    into(schema.additionalProperties, `${path}.*`);
  for (const word of [...(schema.enum ?? []), schema.const])
    if (typeof word === 'string') grammar.words.add(word);
}

/** Rows to add are written in one way, wherever they stand. */
function written(path: string): string {
  return path.replace('tables.*.inserted.with', 'tables.*.append');
}

/** What the value of a key may be, through lists and unions; a record's keys are all `*`. */
function under(
  given: readonly Schema[],
  key: string,
): { at: string; schemas: Schema[] } | undefined {
  const all = given.flatMap(alternatives);
  const named = all.flatMap(({ properties }) => properties?.[key] ?? []);
  if (named.length > 0) return { at: key, schemas: named };
  const records = all.flatMap(({ additionalProperties }) =>
    typeof additionalProperties === 'object' ? [additionalProperties] : [],
  );
  return records.length > 0 ? { at: '*', schemas: records } : undefined;
}

function alternatives(given: Schema): Schema[] {
  const schema = resolved(given);
  const further = [...(schema.anyOf ?? []), ...(schema.oneOf ?? [])];
  if (schema.items !== undefined) further.push(schema.items);
  return [schema, ...further.flatMap(alternatives)];
}

/** The paths of a block of the document, and those of its keys that the grammar does not have. */
function read(
  value: unknown,
  place: { path: string; schemas: readonly Schema[] },
  told: { paths: Set<string>; unknown: string[] },
): void {
  if (Array.isArray(value)) for (const one of value) read(one, place, told);
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return;
  for (const [key, next] of Object.entries(value)) {
    if (key === '…') continue;
    const found = under(place.schemas, key);
    const path = [place.path, found?.at ?? key].filter((part) => part !== '').join('.');
    if (found === undefined) {
      told.unknown.push(path);
      continue;
    }
    told.paths.add(path);
    read(next, { path, schemas: found.schemas }, told);
  }
}

/** Blocks that are a part of a profile begin with a key of that part. */
const parts: Readonly<Record<string, readonly string[]>> = {
  allocated: ['tables', 'kiosk.stock', 'columns'],
  limits: ['tables', 'kiosk.stock'],
  append: ['tables', 'kiosk.log'],
};

function placeOf(block: unknown): { path: string; schemas: readonly Schema[] } {
  const [first = ''] = Object.keys(block as object);
  let place: { path: string; schemas: readonly Schema[] } = { path: '', schemas: [whole] };
  for (const key of parts[first] ?? []) {
    const found = under(place.schemas, key)!;
    place = {
      path: [place.path, found.at].filter((part) => part !== '').join('.'),
      schemas: found.schemas,
    };
  }
  return place;
}

describe('docs/profiles.md', () => {
  const grammar: Grammar = { paths: new Set(), words: new Set() };
  const told = { paths: new Set<string>(), unknown: [] as string[] };
  let text: string;
  beforeAll(async () => {
    text = await readFile('docs/profiles.md', 'utf8');
    walk(whole, '', grammar);
    for (const block of await profileBlocks('yaml')) {
      const value: unknown = parse(block);
      read(value, placeOf(value), told);
    }
  });

  it('shows every key of the grammar, where it stands', () => {
    expect(grammar.paths.size).toBeGreaterThan(90);
    expect([...grammar.paths].filter((path) => !told.paths.has(written(path)))).toEqual([]);
  });

  it('shows no key that the grammar does not have', () => {
    expect(told.unknown).toEqual([]);
  });

  it('names every word that the grammar knows', () => {
    expect(grammar.words.size).toBeGreaterThan(15);
    const unnamed = [...grammar.words].filter((word) => !new RegExp(`\\b${word}\\b`).test(text));
    expect(unnamed).toEqual([]);
  });

  it('has an example that is a profile', async () => {
    const [example = ''] = await profileBlocks('yaml');
    expect(parseProfile(example, 'docs/profiles.md')).toMatchObject({ profile: 'kiosk' });
  });
});
