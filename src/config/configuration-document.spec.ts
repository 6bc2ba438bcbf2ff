import { readFile } from 'node:fs/promises';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { z } from 'zod';
import { configSchema } from './config.schema.js';

interface Schema {
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly items?: Schema;
  readonly anyOf?: readonly Schema[];
  readonly default?: unknown;
}

/** Every field that holds a value, with its default; `[]` stands for "of each". */
function fieldsOf(schema: Schema, path: string): [string, unknown][] {
  const { properties, items, anyOf } = schema;
  if (anyOf !== undefined) return anyOf.flatMap((choice) => fieldsOf(choice, path));
  if (items !== undefined && hasFields(items))
    return [[path, schema.default], ...fieldsOf(items, `${path}[]`)];
  if (properties === undefined) return [[path, schema.default]];
  return Object.entries(properties).flatMap(([name, child]) =>
    fieldsOf(child, path === '' ? name : `${path}.${name}`),
  );
}

function hasFields({ properties, anyOf }: Schema): boolean {
  return properties !== undefined || anyOf !== undefined;
}

const root = new URL('../../', import.meta.url);
const read = (path: string) => readFile(new URL(path, root), 'utf8');
let text: string;
beforeAll(async () => {
  text = await read('docs/configuration.md');
});

const fields = new Map(fieldsOf(z.toJSONSchema(configSchema, { io: 'input' }) as Schema, ''));

describe('docs/configuration.md', () => {
  it.each([...fields])('tells of %s and its default', (field, fallback) => {
    const cells = text
      .split('\n')
      .find((line) => line.startsWith(`| \`${field}\` |`))
      ?.split('|');
    const shown = cells?.[2]?.trim();
    const expected =
      fallback === undefined
        ? '-'
        : `\`${typeof fallback === 'string' ? fallback : JSON.stringify(fallback)}\``;
    expect(shown).toBe(expected);
    expect(cells?.[3]?.trim()).toMatch(/\w{3}/);
  });

  it('tells of nothing that is not there', () => {
    const section = text.slice(
      text.indexOf('## Fields'),
      text.indexOf('## Environment of the service'),
    );
    const told = [...section.matchAll(/^\| `([^`]+)` \|/gm)].map((match) => match[1]);
    expect(told.sort()).toEqual([...fields.keys()].sort());
  });

  it('names every environment variable that is read', async () => {
    const sources = await Promise.all(
      ['src/config/load-config.ts', 'src/config/cli-environment.ts'].map(read),
    );
    const names = new Set(sources.join('\n').match(/REINSTATE_[A-Z_]+/g));
    expect(names.size).toBeGreaterThan(8);
    for (const name of names) expect(text).toContain(`| \`${name}\` |`);
  });
});
