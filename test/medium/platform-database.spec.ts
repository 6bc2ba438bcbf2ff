import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { entities } from '../../src/entities.js';
import { openDatabase } from '../../src/platform/database/connect.js';
import {
  createReinstateDatabase,
  withClient,
  type ReinstateTestDatabase,
} from '../support/postgres.js';

const beyond = '9007199254740993';

let test: ReinstateTestDatabase;
beforeAll(async () => {
  test = await createReinstateDatabase();
});
afterAll(() => test.drop());

describe('a bigint', () => {
  it('of our own database is a number, alone and in a list', async () => {
    const row = await test.database.queryOne(
      `SELECT 42::bigint AS one, ARRAY[1, NULL, 9007199254740991]::bigint[] AS more, count(*) AS all FROM person`,
    );
    expect(row).toEqual({ one: 42, more: [1, null, 9007199254740991], all: 0 });
  });

  it.each([`${beyond}::bigint`, `-${beyond}::bigint`, `ARRAY[${beyond}]::bigint[]`])(
    'that no number holds is refused, not rounded: %s',
    async (value) => {
      await expect(test.database.query(`SELECT ${value} AS big`)).rejects.toThrow('too big');
      expect(await test.database.queryOne('SELECT 1 AS one')).toEqual({ one: 1 });
    },
  );

  it('of any other connection of this process, as a shop’s, stays text', async () => {
    await withClient(test.url, async (client) => {
      const { rows } = await client.query<object>(
        `SELECT ${beyond}::bigint AS one, ARRAY[${beyond}]::bigint[] AS more`,
      );
      expect(rows).toEqual([{ one: beyond, more: [beyond] }]);
    });
  });
});

describe('what is to follow a transaction', () => {
  it('comes after its commit', async () => {
    const seen: string[] = [];
    await test.database.transaction(async (transaction) => {
      transaction.afterCommit(() => seen.push('after'));
      await transaction.query('SELECT 1');
      seen.push('within');
    });
    expect(seen).toEqual(['within', 'after']);
  });

  it('does not come where it was rolled back', async () => {
    const seen: string[] = [];
    const failing = test.database.transaction((transaction) => {
      transaction.afterCommit(() => seen.push('after'));
      return Promise.reject(new Error('no luck'));
    });
    await expect(failing).rejects.toThrow('no luck');
    expect(seen).toEqual([]);
  });
});

describe('the service with the owner’s address alone', () => {
  const opened = (url: string) => openDatabase({ url, poolSize: 1 }, entities);

  it.each(['owner', 'superuser'])('works as the runtime role: %s', async (login) => {
    const database = await opened(login === 'owner' ? test.settings.url : test.url);
    expect(await database.queryOne('SELECT current_user::text AS role')).toEqual({
      role: 'reinstate_runtime',
    });
    for (const table of ['journal_entry', 'timeline_entry', 'audit_entry']) {
      await expect(database.query(`DELETE FROM ${table}`)).rejects.toMatchObject({ code: '42501' });
      await expect(database.query(`TRUNCATE ${table}`)).rejects.toMatchObject({ code: '42501' });
    }
    await database.dataSource.destroy();
  });
});
