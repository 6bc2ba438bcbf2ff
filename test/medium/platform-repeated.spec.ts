import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import {
  prepareRepeated,
  RepeatedStatements,
} from '../../src/platform/database/repeated-statements.js';
import pg from 'pg';
import { createTestDatabase, type TestDatabase } from '../support/postgres.js';

let database: TestDatabase;
let client: pg.Client;

beforeAll(async () => {
  database = await createTestDatabase();
  client = new pg.Client({ connectionString: database.url });
  await client.connect();
  prepareRepeated(client, new RepeatedStatements());
  await client.query('CREATE TABLE thing (id int PRIMARY KEY, worth int)');
  await client.query('INSERT INTO thing VALUES (1, 10)');
});

afterAll(async () => {
  await client.end();
  await database.drop();
});

const sql = 'SELECT * FROM thing WHERE id = $1';

async function askedOften(text: string, values: unknown[]): Promise<unknown[]> {
  let rows: unknown[] = [];
  for (let time = 0; time < 8; time += 1) ({ rows } = await client.query(text, values));
  return rows;
}

/** What the server knows by name. */
async function prepared(): Promise<string[]> {
  const { rows } = await client.query<{ statement: string }>(
    'SELECT statement FROM pg_prepared_statements ORDER BY prepare_time',
  );
  return rows.map(({ statement }) => statement);
}

describe('a statement that is asked again and again', () => {
  it('is parsed and planned once a session', async () => {
    expect(await askedOften(sql, [1])).toEqual([{ id: 1, worth: 10 }]);
    expect((await prepared()).filter((text) => text === sql)).toHaveLength(1);
  });

  it('goes on where a migration has changed what it gives', async () => {
    await askedOften(sql, [1]);
    await client.query('ALTER TABLE thing ADD COLUMN name text');
    expect(await askedOften(sql, [1])).toEqual([{ id: 1, worth: 10, name: null }]);
  });

  it('fails within a transaction then, and not in the next one', async () => {
    await askedOften(sql, [1]);
    await client.query('ALTER TABLE thing ADD COLUMN further text');
    await client.query('BEGIN');
    await expect(client.query(sql, [1])).rejects.toThrow('cached plan must not change result type');
    await client.query('ROLLBACK');
    await client.query('BEGIN');
    expect((await client.query(sql, [1])).rows).toMatchObject([{ id: 1, further: null }]);
    await client.query('COMMIT');
  });

  it('goes on where the server has forgotten the names', async () => {
    await askedOften(sql, [1]);
    await client.query('DEALLOCATE ALL');
    expect(await askedOften(sql, [1])).toMatchObject([{ id: 1 }]);
  });

  it('says why it fails, and goes on', async () => {
    const write = 'INSERT INTO thing (id) VALUES ($1)';
    await askedOften(`${write} ON CONFLICT DO NOTHING`, [2]);
    await expect(client.query(write, [2])).rejects.toMatchObject({ code: '23505' });
    expect(await askedOften(sql, [1])).toMatchObject([{ id: 1 }]);
  });
});
