import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { DataSource } from 'typeorm';
import { newToken, tokenHash } from '../../src/access/token.js';
import { entities } from '../../src/entities.js';
import { JournalService } from '../../src/journal/journal.service.js';
import { JournalStore } from '../../src/journal/journal.store.js';
import { migrate, openDatabase, pinnedOptions } from '../../src/platform/database/connect.js';
import { migrations } from '../../src/platform/database/migrations/index.js';
import { callerOf } from '../support/http-caller.js';
import { ownServerUrl, withClient } from '../support/postgres.js';
import { insertShop } from '../support/order-events.js';
import { until } from '../support/replication-harness.js';
import { startServiceProcess } from '../support/service-process.js';

const token = newToken();

type Rows = Record<string, Record<string, unknown>[]>;

/** A database of an earlier version, with data, that a newer version is started on. */
describe('an upgrade', () => {
  let name: string;
  let url: string;
  let runtimeUrl: string;

  beforeEach(async () => {
    name = `upgrade_${randomBytes(6).toString('hex')}`;
    url = ownServerUrl(name, { user: 'reinstate_owner', password: 'test-owner' });
    runtimeUrl = ownServerUrl(name, { user: 'reinstate_runtime', password: 'test-runtime' });
    await asSuperuser(`CREATE DATABASE ${name} OWNER reinstate_owner`);
    await earlierVersion();
    await withClient(url, async (client) => {
      await client.query(insertShop, ['shop']);
      await client.query(data);
    });
  });

  afterEach(async () => {
    await asSuperuser(`DROP DATABASE ${name} WITH (FORCE)`);
  });

  const asSuperuser = (sql: string) =>
    withClient(ownServerUrl('postgres'), (client) => client.query(sql));

  /** The first nine migrations: persons, journal, incidents and restores are there. */
  async function earlierVersion(): Promise<void> {
    const source = new DataSource({
      ...{ type: 'postgres', url, schema: 'reinstate', migrationsTableName: 'schema_migration' },
      migrations: migrations.slice(0, 9),
      extra: { options: pinnedOptions({ search_path: 'reinstate' }) },
    });
    await source.initialize();
    await source.query('CREATE SCHEMA reinstate');
    await source.runMigrations({ transaction: 'each' });
    await source.destroy();
  }

  const data = `
    INSERT INTO reinstate.person VALUES ('00000000-0000-7000-8000-000000000001', 'Robin', NULL, 'person', '2026-01-01Z', NULL);
    UPDATE reinstate.shop SET journal_head = 2000;
    INSERT INTO reinstate.journal_entry (shop_id, position, committed_at, recorded_at, incarnation, commit_lsn, transaction_id,
        order_id, kinds, actor_kind, attributes, row_changes)
      SELECT 'shop', n, '2026-01-01Z'::timestamptz + n * interval '1 minute', '2026-02-01Z', '1/1/1', '0/0'::pg_lsn + n, n,
        n::text, '{cancelled}', 'job', '{"channel": "web"}', '[]' FROM generate_series(1, 2000) AS n;
    INSERT INTO reinstate.access_token (id, person_id, role, label, secret_hash, created_at, expires_at) VALUES
      ('00000000-0000-7000-8000-000000000001', '00000000-0000-7000-8000-000000000001', 'viewer', 'before', '\\x${tokenHash(token).toString('hex')}', '2026-01-01Z', '2099-01-01Z');
    INSERT INTO reinstate.incident (id, shop_id, fingerprint, title, severity, status, opened_at, declared_by, declaration)
      SELECT ('00000000-0000-7000-8000-' || lpad(n::text, 12, '0'))::uuid, 'shop', 'f' || n, 'An incident', 'high', 'open', '2026-02-01Z', '00000000-0000-7000-8000-000000000001', '{"since": "2026-03-01T00:00:00Z", "until": null, "filter": {}, "reason": "customers call"}'
      FROM generate_series(1, 20) AS n`;

  /** All rows of all tables, by what a condition says of their columns. */
  async function rows(like?: Rows): Promise<Rows> {
    return withClient(url, async (client) => {
      const tables = await client.query<{ name: string }>(
        `SELECT relname AS name FROM pg_class WHERE relnamespace = 'reinstate'::regnamespace AND relkind IN ('r', 'p')
           AND NOT relispartition AND relname <> 'schema_migration' ORDER BY 1`,
      );
      const all: Rows = {};
      for (const { name: table } of tables.rows) {
        const known = like?.[table];
        if (like !== undefined && known === undefined) continue;
        const columns = Object.keys(known?.[0] ?? {});
        const found = await client.query<{ row: Record<string, unknown> }>(
          `SELECT to_jsonb(t) AS row FROM reinstate.${table} t ORDER BY to_jsonb(t) ->> 'id', to_jsonb(t) ->> 'position'`,
        );
        all[table] = found.rows.map(({ row }) =>
          like === undefined
            ? row
            : Object.fromEntries(columns.map((column) => [column, row[column]])),
        );
      }
      return all;
    });
  }

  const done = async () =>
    withClient(url, async (client) => {
      const { rows: found } = await client.query<{ name: string }>(
        'SELECT name FROM reinstate.schema_migration ORDER BY timestamp',
      );
      return found.map(({ name: migration }) => migration);
    });
  const all = migrations.map((migration) => new migration().name);

  it('keeps every row, whichever of three processes that start at once does it', async () => {
    const before = await rows();
    expect(Object.values(before).flat().length).toBeGreaterThan(2_020);
    const settings = { url, runtimeUrl, poolSize: 8 };
    await Promise.all([migrate(settings), migrate(settings), migrate(settings)]);
    expect(await done()).toEqual(all);
    expect(await rows(before)).toEqual(before);
    const database = await openDatabase(settings, entities);
    const journal = new JournalService(database, new JournalStore());
    const entries = await journal.readAfter('shop', 0, 5_000);
    expect(entries).toHaveLength(2_000);
    expect(entries[41]).toMatchObject({ orderId: '42', kinds: ['cancelled'], actorKind: 'job' });
    await database.dataSource.destroy();
  });

  it('is done by real processes that start at once, and what was there before is read through each', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'reinstate-upgrade-'));
    const config = {
      http: { port: 0 },
      data_directory: directory,
      encryption_key: Buffer.alloc(32, 3).toString('base64'),
      database: { url, runtime_url: runtimeUrl },
      shops: [{ id: 'shop', name: 'Shop' }],
    };
    const starting = await withClient(ownServerUrl(name), async (client) => {
      // none gets on before both have come
      await client.query('BEGIN; LOCK TABLE reinstate.schema_migration');
      const both = Promise.allSettled([1, 2].map(() => startServiceProcess({ directory, config })));
      await until('both wait', async () => {
        const { rowCount } = await asSuperuser(
          `SELECT FROM pg_stat_activity WHERE datname = '${name}' AND wait_event_type = 'Lock'`,
        );
        return rowCount === 2;
      });
      await client.query('ROLLBACK');
      return both;
    });
    const started = starting.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []));
    try {
      expect(starting).toEqual([1, 2].map(() => expect.objectContaining({ status: 'fulfilled' })));
      expect(await done()).toEqual(all);
      for (const service of started) {
        const robin = await callerOf(service.url, token);
        const incident = await robin.get('/api/v1/incidents/00000000-0000-7000-8000-000000000007');
        expect([incident.status, incident.body]).toMatchObject([
          200,
          {
            ...{ title: 'An incident', status: 'open', severity: 'high', shopId: 'shop' },
            ...{ declaredBy: { name: 'Robin' }, openedAt: '2026-02-01T00:00:00.000Z' },
          },
        ]);
        const order = await robin.get('/api/v1/shops/shop/orders/42/journal');
        expect(order.body['items']).toMatchObject([{ kinds: ['cancelled'], actorKind: 'job' }]);
      }
    } finally {
      await Promise.all(started.map((service) => service.kill()));
      await rm(directory, { recursive: true, force: true });
    }
  });

  it('that fails is left where it was, migration by migration, and goes on once the cause is mended', async () => {
    await withClient(url, (client) => client.query('CREATE TABLE reinstate.order_tally ()'));
    const before = await rows();
    await expect(migrate({ url, poolSize: 8 })).rejects.toThrow('order_tally');
    expect(await done()).toEqual(all.slice(0, all.indexOf('Signals1700000000030')));
    expect(await rows(before)).toEqual(before);
    await withClient(url, (client) => client.query('DROP TABLE reinstate.order_tally'));
    await migrate({ url, poolSize: 8 });
    expect(await done()).toEqual(all);
  });
});
