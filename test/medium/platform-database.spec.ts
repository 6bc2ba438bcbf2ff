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

function signal(): { give: () => void; given: Promise<unknown> } {
  const { promise, resolve } = Promise.withResolvers<undefined>();
  return { give: () => resolve(undefined), given: promise };
}

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

describe('a transaction in which the service is silent', () => {
  it('is ended by the server within seconds', async () => {
    const row = await test.database.queryOne(
      `SELECT current_setting('idle_in_transaction_session_timeout') AS after`,
    );
    expect(row).toEqual({ after: '8s' });
  });

  it.each([
    ['says so at its next statement', `UPDATE work_lease SET epoch = 2 WHERE name = 'silent'`],
    ['says so at its commit', null],
  ])('lets go of its locks then, is not written, and %s', async (_, further) => {
    const database = await openDatabase({ ...test.settings, poolSize: 2 }, entities);
    await database.query(
      `INSERT INTO work_lease (name, owner, epoch, expires_at) VALUES ('silent', 'a', 1, '2026-01-01Z')
       ON CONFLICT (name) DO UPDATE SET epoch = 1`,
    );
    const [held, freed] = [signal(), signal()];
    const afterwards: string[] = [];
    const silent = database.transaction(async (transaction) => {
      transaction.afterCommit(() => afterwards.push('committed'));
      await transaction.query(`SET LOCAL idle_in_transaction_session_timeout = '200ms'`);
      await transaction.query(`UPDATE work_lease SET owner = 'b' WHERE name = 'silent'`);
      held.give();
      await freed.given;
      if (further !== null) await transaction.query(further);
    });
    const ended = expect(silent).rejects.toMatchObject({ code: 'transaction-lost' });
    await held.given;
    await database.transaction((next) =>
      next.query(`UPDATE work_lease SET epoch = epoch + 10 WHERE name = 'silent'`),
    );
    freed.give();
    await ended;
    expect(afterwards).toEqual([]);
    // more than the pool holds: the session that was ended is none of them any more
    const rows = await Promise.all(
      Array.from({ length: 4 }, () =>
        database.queryOne(`SELECT owner, epoch FROM work_lease WHERE name = 'silent'`),
      ),
    );
    expect(rows).toEqual(rows.map(() => ({ owner: 'a', epoch: 11 })));
    await database.dataSource.destroy();
  });
});

describe('a transaction', () => {
  it('that would wait for a second connection fails at once', async () => {
    const asks: (() => unknown)[] = [
      () => test.database.query('SELECT 1'),
      () => test.database.transaction(() => Promise.resolve()),
      () => test.database.repository(entities[0]!),
    ];
    for (const ask of asks) {
      const nested = test.database.transaction(() => Promise.resolve().then(ask));
      await expect(nested).rejects.toThrow('a transaction is open here');
    }
  });

  it('may leave behind what asks the database once it has ended', async () => {
    const ended = signal();
    let later: Promise<unknown> | undefined;
    await test.database.transaction((transaction) => {
      later = ended.given.then(() => test.database.query('SELECT 1 AS one'));
      transaction.afterCommit(() => ended.give());
      return Promise.resolve();
    });
    expect(await later).toEqual([{ one: 1 }]);
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
