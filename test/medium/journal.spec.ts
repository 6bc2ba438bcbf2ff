import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { SchedulerRegistry } from '@nestjs/schedule';
import { Registry } from 'prom-client';
import { backgroundSteps } from '../../src/app.module.js';
import { JournalPartitionsStep } from '../../src/journal/journal-partitions.step.js';
import { JournalService } from '../../src/journal/journal.service.js';
import { JournalStore } from '../../src/journal/journal.store.js';
import { RowImageStore } from '../../src/journal/row-image.store.js';
import { ManualClock } from '../../src/platform/clock.js';
import { LeaseStore } from '../../src/platform/work/lease.store.js';
import { StepMetrics } from '../../src/platform/work/step.metrics.js';
import { StepRunner } from '../../src/platform/work/step-runner.js';
import { Wake } from '../../src/platform/work/wake.js';
import { insertShop, orderEvent } from '../support/order-events.js';
import {
  createReinstateDatabase,
  ownServerUrl,
  withClient,
  type ReinstateTestDatabase,
} from '../support/postgres.js';
import { until } from '../support/replication-harness.js';

const now = new Date('2026-11-22T03:00:01Z');
let test: ReinstateTestDatabase;
let journal: JournalService;
const store = new JournalStore();

beforeAll(async () => {
  test = await createReinstateDatabase();
  journal = new JournalService(test.database, store);
});
afterAll(() => test.drop());

async function shop(id: string): Promise<string> {
  await test.database.query(insertShop, [id]);
  return id;
}

async function append(shopId: string, numbers: readonly number[]) {
  const events = numbers.map((n) => orderEvent(n, { shopId }));
  return test.database.transaction((transaction) =>
    journal.append(transaction, shopId, events, now),
  );
}

describe('the journal', () => {
  it('gives positions without holes, and what it gave back can be read from a cursor', async () => {
    const id = await shop('cursor');
    const first = await append(id, [1, 2]);
    const second = await append(id, [3]);
    expect([...first, ...second].map((entry) => entry.position)).toEqual([1, 2, 3]);
    expect(await journal.readAfter(id, 1, 10)).toEqual([...first.slice(1), ...second]);
    expect(await journal.head(id)).toBe(3);
  });

  it('keeps the microseconds of the commit time', async () => {
    const id = await shop('microseconds');
    await append(id, [1]);
    const [entry] = await journal.ofOrder(id, '1');
    expect(entry?.committedAt).toBe('2026-11-22T03:00:00.123456Z');
  });

  it('adds nothing when the same changes are delivered again', async () => {
    const id = await shop('again');
    await append(id, [1, 2]);
    const again = await append(id, [1, 2, 3]);
    expect(again.map((entry) => [entry.orderId, entry.position])).toEqual([['3', 3]]);
  });

  it('takes the same LSN and transaction of another incarnation for another change', async () => {
    const id = await shop('incarnation');
    await append(id, [1]);
    const after = orderEvent(1, { shopId: id });
    const moved = { ...after, source: { ...after.source, incarnation: '7312/2/1' } };
    const entries = await test.database.transaction((transaction) =>
      journal.append(transaction, id, [moved], now),
    );
    expect(entries).toHaveLength(1);
  });

  it('takes more entries at once than one statement does, in order', async () => {
    const id = await shop('many');
    const numbers = Array.from({ length: 1_234 }, (_, index) => index + 1);
    const entries = await append(id, numbers);
    expect(entries.map((entry) => entry.position)).toEqual(numbers);
    const read = await journal.readAfter(id, 0, 2_000);
    expect(read.map((entry) => [entry.position, entry.orderId])).toEqual(
      numbers.map((number) => [number, String(number)]),
    );
    expect(await journal.head(id)).toBe(1_234);
  });

  it('keeps every text as it is, and tells all but the rows that changed where these are not wanted', async () => {
    const id = await shop('texts');
    const odd = 'two\r\nlines, "quoted" {null} \\n \\';
    const key = [odd, 'null'];
    const image = { id: odd, none: null, word: 'null' };
    const event = orderEvent(1, {
      shopId: id,
      ...{ orderId: odd, orderNumber: 'null', kinds: ['placed', 'paid'], reason: odd, actor: '' },
      ...{ customerId: null, total: null, attributes: { note: odd, word: 'null' } },
      rowChanges: [{ table: 'shop.orders', key, operation: 'insert', before: null, after: image }],
    });
    const plain = orderEvent(2, { shopId: id });
    const written = await test.database.transaction((transaction) =>
      journal.append(transaction, id, [event, plain], now),
    );
    expect(written).toEqual([
      { ...event, position: 1, recordedAt: now },
      { ...plain, position: 2, recordedAt: now },
    ]);
    expect(await journal.readAfter(id, 0, 10)).toEqual(written);
    expect(await journal.headsAfter(id, 0, 10)).toEqual(
      written.map((entry) => ({ ...entry, rowChanges: undefined })),
    );
  });

  it('keeps the images of rows as they are, whatever their texts', async () => {
    const id = await shop('images');
    const images = new RowImageStore();
    const odd = 'two\nlines, "quoted" {null} \\n \\';
    const rows = [
      { table: odd, key: [odd], orderId: odd, image: { id: odd, none: null } },
      { table: 'null', key: ['null'], orderId: null, image: { id: 'null' } },
    ];
    await test.database.transaction((transaction) => images.write(transaction, id, rows));
    const read = await images.read(test.database, id, rows);
    expect([...read.values()]).toEqual(rows);
  });

  it('refuses a shop that it does not know, by name', async () => {
    await expect(append('nowhere', [1])).rejects.toThrow('there is no shop "nowhere"');
  });

  it('leaves no hole and no double when many appends run at once, and one of them fails', async () => {
    const id = await shop('crowd');
    const appends = Array.from({ length: 20 }, (_, index) => append(id, [index + 1]));
    const failing = test.database.transaction(async (transaction) => {
      await journal.append(transaction, id, [orderEvent(99, { shopId: id })], now);
      throw new Error('cut off');
    });
    await expect(failing).rejects.toThrow('cut off');
    await Promise.all(appends);
    const entries = await journal.readAfter(id, 0, 100);
    expect(entries.map((entry) => entry.position)).toEqual(
      Array.from({ length: 20 }, (_, index) => index + 1),
    );
  });
});

describe('append-only', () => {
  const changes = [
    `UPDATE reinstate.journal_entry SET reason = 'other'`,
    'DELETE FROM reinstate.journal_entry',
    'TRUNCATE reinstate.journal_entry',
    'TRUNCATE reinstate.journal_entry_default',
    'TRUNCATE reinstate.journal_entry_202611',
    `UPDATE reinstate.journal_entry_202611 SET reason = 'other'`,
    'DELETE FROM reinstate.journal_entry_202611',
    `UPDATE reinstate.journal_entry SET committed_at = committed_at + interval '1 month'`,
    `INSERT INTO reinstate.journal_entry SELECT * FROM reinstate.journal_entry
       ON CONFLICT (shop_id, incarnation, commit_lsn, transaction_id, order_id, committed_at)
       DO UPDATE SET reason = 'other'`,
    `MERGE INTO reinstate.journal_entry entry USING (SELECT 1) one ON true WHEN MATCHED THEN DELETE`,
  ];
  /** whoever has nothing to do with Reinstate, and whoever may do everything that a right can allow */
  const stranger = 'journal_stranger';
  const roles = [
    { user: 'reinstate_runtime', password: 'test-runtime' },
    { user: 'reinstate_owner', password: 'test-owner' },
    { user: stranger, password: 'test' },
    undefined,
  ] as const;

  beforeAll(async () => {
    await append(await shop('kept'), [1]);
    await withClient(test.url, (client) =>
      client.query(`DO $$ BEGIN CREATE ROLE ${stranger} LOGIN PASSWORD 'test';
        EXCEPTION WHEN duplicate_object THEN NULL; END $$`),
    );
  });

  it.each(
    roles.flatMap((role) =>
      changes.map((sql) => [role?.user ?? 'a superuser', sql, role] as const),
    ),
  )('%s may not %s', async (_user, sql, role) => {
    await withClient(ownServerUrl(test.name, role), async (client) => {
      await expect(client.query(sql)).rejects.toMatchObject({ code: '42501' });
    });
    expect(await journal.head('kept')).toBe(1);
    expect(await journal.readAfter('kept', 0, 10)).toHaveLength(1);
  });

  it('a stranger may not even read it, nor have partitions made', async () => {
    await withClient(ownServerUrl(test.name, roles[2]), async (client) => {
      for (const sql of [
        'SELECT FROM reinstate.journal_entry',
        'SELECT FROM reinstate.journal_entry_202611',
        'SELECT FROM reinstate.row_image',
        `SELECT reinstate.make_journal_partition(now())`,
      ])
        await expect(client.query(sql)).rejects.toMatchObject({ code: '42501' });
    });
  });

  it('the runtime role may neither make tables nor drop the guard', async () => {
    await withClient(ownServerUrl(test.name, roles[0]), async (client) => {
      for (const sql of [
        'ALTER TABLE reinstate.journal_entry DETACH PARTITION reinstate.journal_entry_202611',
        'DROP TABLE reinstate.journal_entry_202611',
        'DROP TRIGGER journal_entry_append_only ON reinstate.journal_entry',
        'ALTER TABLE reinstate.journal_entry_202611 DISABLE TRIGGER ALL',
        `SET session_replication_role = 'replica'`,
        'SET ROLE reinstate_owner',
      ])
        await expect(client.query(sql)).rejects.toMatchObject({ code: '42501' });
      await expect(client.query('CREATE TABLE reinstate.mine ()')).rejects.toMatchObject({
        code: '42501',
      });
      await expect(
        client.query('ALTER TABLE reinstate.journal_entry DISABLE TRIGGER ALL'),
      ).rejects.toMatchObject({ code: '42501' });
    });
  });
});

/** Nobody changes what stands in the partition of this month, whether over its own name or over the journal's. */
async function isGuarded(month: string, committedAt: string): Promise<void> {
  const id = await shop(`guarded-${month}`);
  const partition = `reinstate.journal_entry_${month}`;
  const runtime = { user: 'reinstate_runtime', password: 'test-runtime' };
  const event = orderEvent(1, { shopId: id, committedAt });
  await test.database.transaction((transaction) => journal.append(transaction, id, [event], now));
  for (const role of [runtime, { user: 'reinstate_owner', password: 'test-owner' }, undefined])
    await withClient(ownServerUrl(test.name, role), async (client) => {
      for (const sql of [
        `UPDATE ${partition} SET reason = 'other'`,
        `DELETE FROM ${partition}`,
        `TRUNCATE ${partition}`,
        `DELETE FROM reinstate.journal_entry WHERE shop_id = '${id}'`,
      ]) {
        const refused = client.query(sql).then(() => 'done', codeOf);
        expect([role?.user, sql, await refused]).toEqual([role?.user, sql, '42501']);
      }
    });
  // who only writes the journal may read the partition and add to it, and no more
  await withClient(ownServerUrl(test.name, runtime), async (client) => {
    const { rows } = await client.query(
      `SELECT string_agg(wish, ' ' ORDER BY wish) AS rights
       FROM unnest(ARRAY['SELECT', 'INSERT', 'UPDATE', 'DELETE', 'TRUNCATE', 'TRIGGER', 'REFERENCES']) AS wish
       WHERE has_table_privilege($1, wish)`,
      [partition],
    );
    expect(rows).toEqual([{ rights: 'INSERT SELECT' }]);
  });
}

function codeOf(error: unknown): unknown {
  return typeof error === 'object' && error !== null && 'code' in error ? error.code : error;
}

describe('partitions', () => {
  it('are made for this month and the three after it, by the runtime role, once', async () => {
    const step = new JournalPartitionsStep(test.database, store);
    const signal = new AbortController().signal;
    await step.run({ now: new Date('2027-11-30T23:59:00Z'), signal });
    await step.run({ now: new Date('2027-11-30T23:59:00Z'), signal });
    const rows = await test.database.query<{ name: string }>(
      `SELECT inhrelid::regclass::text AS name FROM pg_inherits WHERE inhparent = 'reinstate.journal_entry'::regclass`,
    );
    const names = rows.map((row) => row.name);
    expect(names).toEqual(
      expect.arrayContaining([
        'journal_entry_202711',
        'journal_entry_202712',
        'journal_entry_202801',
        'journal_entry_202802',
      ]),
    );
  });

  it('are made ahead while the service runs, as its time goes on', async () => {
    expect(backgroundSteps).toContain(JournalPartitionsStep);
    const clock = new ManualClock(new Date('2028-05-10T00:00:00Z'));
    const wake = new Wake();
    const scheduler = new SchedulerRegistry();
    const metrics = new StepMetrics(new Registry());
    const leases = new LeaseStore(test.database);
    const runner = new StepRunner(leases, clock, wake, metrics, scheduler);
    const made = async (months: readonly string[]) => {
      const rows = await test.database.query<{ name: string }>(
        `SELECT inhrelid::regclass::text AS name FROM pg_inherits
         WHERE inhparent = 'reinstate.journal_entry'::regclass`,
      );
      const names = new Set(rows.map((row) => row.name));
      return months.every((month) => names.has(`journal_entry_${month}`));
    };
    runner.start([new JournalPartitionsStep(test.database, store)]);
    try {
      await until('the first months', () => made(['202805', '202806', '202807', '202808']));
      expect(await made(['202809'])).toBe(false);
      clock.set(new Date('2028-08-31T23:59:59Z'));
      // as its hourly tick does
      wake.notify('journal-partitions');
      await until('the months after', () => made(['202809', '202810', '202811']));
    } finally {
      await runner.stop();
    }
    await isGuarded('202809', '2028-09-15T00:00:00.000000Z');
  });

  it('are made for entries of a month that nobody foresaw', async () => {
    const id = await shop('march');
    const event = orderEvent(1, { shopId: id, committedAt: '2027-03-31T23:59:59.999999Z' });
    await test.database.transaction((transaction) => journal.append(transaction, id, [event], now));
    const [row] = await test.database.query(`SELECT count(*)::int AS n FROM journal_entry_202703`);
    expect(row).toEqual({ n: 1 });
  });
});

it('two appends that need the same new partition at once both succeed', async () => {
  const ids = await Promise.all(['race-1', 'race-2', 'race-3', 'race-4'].map(shop));
  for (let year = 2030; year < 2036; year += 1) {
    const committedAt = `${year}-01-15T00:00:00.000000Z`;
    await Promise.all(
      ids.map((id) =>
        test.database.transaction((transaction) =>
          journal.append(transaction, id, [orderEvent(year, { shopId: id, committedAt })], now),
        ),
      ),
    );
  }
  for (const id of ids) expect(await journal.head(id)).toBe(6);
});
