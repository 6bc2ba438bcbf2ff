import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { packageRoot } from '../../platform/package-root.js';
import { loadProfile } from '../../shops/profile-file.js';
import type { Profile } from '../../shops/profile.js';
import type { ResultColumn } from '../../shops/postgres/shop-query.js';
import { stepSchema } from '../definition.js';
import { knownNames } from '../placeholders.js';
import { evidenceText } from './evidence-text.js';
import { rowsFault } from './rows-expected.js';
import { shownRows } from './shown-rows.js';

describe('evidence of a query', () => {
  let profile: Profile;
  beforeAll(async () => {
    ({ profile } = await loadProfile('sample-shop', { directory: packageRoot() }));
  });
  const of = (column: string | null, table: string | null = 'shop.orders'): ResultColumn => ({
    ...{ name: 'seen', table, column, form: 'other' },
  });
  const isShown = (
    column: ResultColumn,
    given: { query?: string; show?: readonly string[] } = {},
  ): boolean => {
    const { query = 'SELECT 1', show = [] } = given;
    const rows = [{ seen: 'x' }];
    return shownRows({ columns: [column], rows }, { profile, query, show }).leftOut.length === 0;
  };

  it('shows what the profile knows, and never what it calls personal', () => {
    expect(isShown(of('status'))).toBe(true);
    expect(isShown(of('contact_email'))).toBe(false);
    expect(isShown({ ...of('contact_phone'), form: 'number' }, { show: ['seen'] })).toBe(false);
  });

  it('shows of the rest numbers, times and yes/no, and what somebody vouches for', () => {
    const other = of('name', 'shop.customer');
    expect([isShown(other), isShown(other, { show: ['seen'] })]).toEqual([false, true]);
    const workedOut = of(null, null);
    expect([isShown(workedOut), isShown(workedOut, { show: ['seen'] })]).toEqual([false, true]);
    for (const form of ['number', 'boolean', 'time'] as const)
      expect(isShown({ ...workedOut, form })).toBe(true);
  });

  it('shows nothing worked out of a query that names a personal column', () => {
    const query = 'SELECT length(Contact_Email) FROM shop.orders';
    const workedOut = { ...of(null, null), form: 'number' } as const;
    expect(isShown(workedOut, { query, show: ['seen'] })).toBe(false);
    expect(isShown(workedOut, { query: 'SELECT not_contact_email2 FROM a' })).toBe(true);
    expect(isShown(of('status'), { query })).toBe(true);
  });

  it('cuts long values', () => {
    const shown = shownRows(
      { columns: [of('status')], rows: [{ seen: 'x'.repeat(500) }, { seen: null }] },
      { profile, query: '', show: [] },
    );
    expect(shown.rows.map((row) => row['seen']?.length ?? null)).toEqual([203, null]);
  });
});

describe('what a query has to give', () => {
  const row = { n: '3.0', word: 'on', nothing: null };
  it.each([
    [{ rows: 'some' } as const, true],
    [{ rows: 'none' } as const, false],
    [{ column: 'n', equals: 3 }, true],
    [{ column: 'n', equals: '3' }, false],
    [{ column: 'n', at_least: 3, at_most: 3 }, true],
    [{ column: 'n', at_least: 4 }, false],
    [{ column: 'n', at_most: 2 }, false],
    [{ column: 'word', equals: 'on' }, true],
    [{ column: 'word', at_most: 1 }, false],
    [{ column: 'nothing', equals: 0 }, false],
    [{ column: 'nothing', at_most: 1 }, false],
    [{ column: 'other', equals: 1 }, false],
  ])('%j: %s', (expected, holds) => {
    expect(rowsFault([row], expected) === undefined).toBe(holds);
  });

  it('is some row to compare a column of', () => {
    expect(rowsFault([], { rows: 'none' })).toBeUndefined();
    expect(rowsFault([], { rows: 'some' })).toMatch(/found nothing/);
    expect(rowsFault([], { column: 'n', at_most: 3 })).toBe('it found no row with n');
  });
});

describe('somebody else’s text', () => {
  it('is cut, masked and on one line', () => {
    expect(evidenceText('a\u001b[31m\nb jo.e+x@mail.example.com, +49 (30) 123-4567!')).toBe(
      'a [31m b (e-mail), (number)!',
    );
    expect(evidenceText('{"up":true,"waiting":12}')).toBe('{"up":true,"waiting":12}');
    expect(evidenceText('x'.repeat(5_000))).toHaveLength(1_003);
  });
});

describe('docs/runbooks.md', () => {
  it('tells of every kind, every field and every name', async () => {
    const text = await readFile(join(packageRoot(), 'docs/runbooks.md'), 'utf8');
    const fields = stepSchema.options.flatMap(({ shape }) => [
      shape.kind.value,
      ...Object.keys(shape),
    ]);
    for (const word of new Set([...fields, ...knownNames])) expect(text).toContain(`\`${word}\``);
  });
});
