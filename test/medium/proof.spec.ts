import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Client } from 'pg';
import type { SampleShop } from '../../demo/process/sample-shop.js';
import type { ProofReport } from '../../demo/proof/proof-input.js';
import { readSnapshot, type Snapshot } from '../../demo/proof/snapshot.js';
import { withClient } from '../support/postgres.js';
import {
  idsOf,
  openTestShop,
  proveRestore,
  putBackAll,
  restoreByHand,
  suffer,
  type Claims,
  type TestShop,
} from '../support/sample-shop-scene.js';

const WRITE_LOG = 'the write log explains every difference';
const STRUCTURE = 'tables, rights and triggers are as they were';
const VALUES = 'restored orders are as they were';
const APPENDED = 'appended rows are there once';
const COUNTERS = 'stock counters equal the open orders';
const ON_HAND = 'stock on hand equals its movements';
const LEDGER = 'stock movements net to the open quantity';
const INTENDED_STAY = 'intended cancellations are still cancelled';
const PLANNED = "Reinstate's writes stand in the plan";
const OTHERS = 'every other change is accounted for';

/** `:restored`, `:bystander` and `:intended` stand for an order each. */
interface Mutation {
  readonly what: string;
  readonly as: 'the write login' | 'the superuser';
  readonly sql: string;
  readonly fails: readonly string[];
}

const write = { as: 'the write login' } as const;
const superuser = { as: 'the superuser' } as const;

const MUTATIONS: readonly Mutation[] = [
  {
    ...write,
    what: 'a price of a restored order is a cent higher',
    sql: `UPDATE shop.order_line SET unit_price_minor = unit_price_minor + 1
           WHERE id = (SELECT min(id) FROM shop.order_line WHERE order_id = :restored)`,
    fails: [VALUES],
  },
  {
    ...write,
    what: 'a price of another order is a cent higher',
    sql: `UPDATE shop.order_line SET unit_price_minor = unit_price_minor + 1
           WHERE id = (SELECT min(id) FROM shop.order_line WHERE order_id = :bystander)`,
    fails: [PLANNED],
  },
  {
    ...superuser,
    what: 'a price is a cent higher, by a hand that is not Reinstate’s',
    sql: `UPDATE shop.order_line SET unit_price_minor = unit_price_minor + 1
           WHERE id = (SELECT min(id) FROM shop.order_line WHERE order_id = :restored)`,
    fails: [OTHERS],
  },
  {
    ...superuser,
    what: 'a product is a cent dearer',
    sql: `UPDATE shop.product SET price_minor = price_minor + 1 WHERE id = 1`,
    fails: [OTHERS],
  },
  {
    ...write,
    what: 'the delivery address of a restored order lost a letter',
    sql: `UPDATE shop.orders SET ship_street = left(ship_street, -1) WHERE id = :restored`,
    fails: [VALUES],
  },
  {
    ...write,
    what: 'one restored order is cancelled once more',
    sql: `UPDATE shop.orders SET status = 'cancelled' WHERE id = :restored`,
    fails: [VALUES, COUNTERS, LEDGER],
  },
  {
    ...write,
    what: 'a history row stands there twice',
    sql: `INSERT INTO shop.order_history
            (order_id, type, from_status, to_status, actor_kind, actor, reason)
          SELECT order_id, type, from_status, to_status, actor_kind, actor, reason
            FROM shop.order_history WHERE order_id = :restored ORDER BY id DESC LIMIT 1`,
    fails: [APPENDED, PLANNED],
  },
  {
    ...superuser,
    what: 'a history row is gone',
    sql: `DELETE FROM shop.order_history
           WHERE id = (SELECT max(id) FROM shop.order_history WHERE order_id = :restored)`,
    fails: [APPENDED, OTHERS],
  },
  {
    ...write,
    what: 'a stock counter is off by one',
    sql: `UPDATE shop.stock SET allocated = allocated + 1
           WHERE (product_id, warehouse) =
             (SELECT m.product_id, m.warehouse FROM shop.stock_movement m
                JOIN shop.order_line l ON l.id = m.order_line_id
               WHERE l.order_id = :restored ORDER BY m.id DESC LIMIT 1)`,
    fails: [COUNTERS],
  },
  {
    ...superuser,
    what: 'a shelf holds one more than was received',
    sql: `UPDATE shop.stock SET on_hand = on_hand + 1 WHERE product_id = 1 AND warehouse =
            (SELECT min(warehouse) FROM shop.stock)`,
    fails: [ON_HAND, OTHERS],
  },
  {
    ...write,
    what: 'stock is taken twice in the ledger',
    sql: `INSERT INTO shop.stock_movement (order_line_id, product_id, warehouse, kind, quantity)
          SELECT m.order_line_id, m.product_id, m.warehouse, m.kind, m.quantity
            FROM shop.stock_movement m JOIN shop.order_line l ON l.id = m.order_line_id
           WHERE l.order_id = :restored ORDER BY m.id DESC LIMIT 1`,
    fails: [APPENDED, LEDGER, PLANNED],
  },
  {
    ...write,
    what: 'an order that was cancelled on purpose is brought back',
    sql: `UPDATE shop.orders SET status = 'paid', cancelled_at = NULL WHERE id = :intended`,
    fails: [INTENDED_STAY, PLANNED],
  },
  {
    ...superuser,
    what: 'the write log lost an entry',
    sql: `DELETE FROM audit.write_log WHERE id =
            (SELECT max(id) FROM audit.write_log WHERE table_name = 'shop.orders' AND key = ':restored')`,
    fails: [WRITE_LOG, VALUES],
  },
  {
    ...superuser,
    what: 'a row was changed while the triggers slept',
    sql: `SET session_replication_role = replica;
          UPDATE shop.customer SET name = 'Somebody' WHERE id = 1`,
    fails: [WRITE_LOG],
  },
  {
    ...superuser,
    what: 'a trigger of the write log is off',
    sql: `ALTER TABLE shop.orders DISABLE TRIGGER orders_write_log`,
    fails: [STRUCTURE],
  },
  {
    ...superuser,
    what: 'a table was left behind',
    sql: `CREATE TABLE public.restore_scratch (id int)`,
    fails: [STRUCTURE],
  },
  {
    ...superuser,
    what: 'the write login was given the right to delete',
    sql: `GRANT DELETE ON shop.orders TO PUBLIC`,
    fails: [STRUCTURE],
  },
];

describe('the proof, on the shop’s real database', () => {
  let opened: TestShop;
  let before: Snapshot;
  let claims: Claims;
  let orders: Record<string, string>;

  beforeAll(async () => {
    opened = await openTestShop();
    const { shop } = opened;
    const suffered = await suffer(shop, { way: 'api', orders: 5 });
    const { fault } = suffered;
    before = suffered.before;
    claims = { fault, plan: await restoreByHand(shop, fault, putBackAll), restored: idsOf(fault) };
    orders = { restored: fault.cancelled[0]!.orderId, ...(await othersThan(shop, idsOf(fault))) };
    await shop.stopTraffic();
  });

  afterAll(() => opened.close());

  it('holds for a careful restore', async () => {
    expect(failing(await provedAfter('SELECT 1', 'the superuser'))).toEqual([]);
  });

  it.each(MUTATIONS)('fails when $what (by $as)', async ({ as, sql, fails }) => {
    const report = await provedAfter(sql, as);

    expect(report.holds).toBe(false);
    expect(failing(report)).toEqual(fails);
  });

  /** The verdict on the restored shop as it would be if `sql` were committed. */
  async function provedAfter(sql: string, as: Mutation['as']): Promise<ProofReport> {
    const { shop } = opened;
    const login = as === 'the superuser' ? 'DEFAULT' : shop.writeRole;
    const filled = sql.replaceAll(
      /:(restored|bystander|intended)/g,
      (_, name: string) => orders[name]!,
    );
    return withClient(shop.databaseUrl, async (client) => {
      await client.query('BEGIN');
      await client.query(`SET SESSION AUTHORIZATION ${login}`);
      await client.query(filled);
      await client.query('RESET SESSION AUTHORIZATION');
      const after = await readSnapshot(client);
      await client.query('ROLLBACK');
      return proveRestore(shop, { before, after }, claims);
    });
  }
});

function failing(report: ProofReport): string[] {
  return report.checks.filter(({ holds }) => !holds).map(({ name }) => name);
}

/** An order that is paid and was never harmed, and one that was cancelled on purpose. */
async function othersThan(
  { databaseUrl }: SampleShop,
  harmed: readonly string[],
): Promise<{ bystander: string; intended: string }> {
  const idOf = async (client: Client, sql: string): Promise<string> => {
    const { rows } = await client.query<{ id: string }>(sql, [harmed]);
    return rows[0]!.id;
  };
  return withClient(databaseUrl, async (client) => ({
    bystander: await idOf(
      client,
      `SELECT id FROM shop.orders WHERE status = 'paid' AND id <> ALL ($1::bigint[]) LIMIT 1`,
    ),
    intended: await idOf(
      client,
      `SELECT order_id AS id FROM audit.generator_ledger
        WHERE action = 'customer_cancel' AND order_id <> ALL ($1::bigint[]) LIMIT 1`,
    ),
  }));
}
