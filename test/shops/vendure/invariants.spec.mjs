/**
 * The profile's sums in SQL against Vendure's own: totals of orders of many kinds, worked out by Vendure's
 * entities, must satisfy the invariants to the cent, and no other totals may.
 * VENDURE_SERVER_URL may name a PostgreSQL server to use.
 */
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { after, before, describe, it } from 'node:test';
import {
  DefaultOrderTaxCalculationStrategy,
  Order,
  OrderLine,
  ShippingLine,
  Surcharge,
} from '@vendure/core';
import pg from 'pg';
import { parse } from 'yaml';
import { openServer } from '../common/scratch-postgres.mjs';

const orderCount = 2_000;
const database = `invariants_${process.pid}`;

let server, client, invariants;
before(async () => {
  const profile = await readFile(
    new URL('../../../profiles/vendure.yaml', import.meta.url),
    'utf8',
  );
  invariants = new Map(parse(profile).invariants.map(({ name, sql }) => [name, sql]));
  server = await openServer(process.env.VENDURE_SERVER_URL);
  await onServer(`CREATE DATABASE ${database}`);
  const url = new URL(server.serverUrl);
  url.pathname = `/${database}`;
  client = new pg.Client({ connectionString: url.href });
  await client.connect();
  // the columns that the sums are made of, of the types that Vendure gives them
  await client.query(`
    CREATE TABLE "order" (id int PRIMARY KEY, state text NOT NULL, "subTotal" int NOT NULL,
      "subTotalWithTax" int NOT NULL, shipping int NOT NULL, "shippingWithTax" int NOT NULL);
    CREATE TABLE order_line (id serial PRIMARY KEY, "orderId" int, quantity int NOT NULL,
      "orderPlacedQuantity" int NOT NULL, "listPrice" int NOT NULL, "listPriceIncludesTax" boolean NOT NULL,
      adjustments text NOT NULL, "taxLines" text NOT NULL);
    CREATE TABLE surcharge (id serial PRIMARY KEY, "orderId" int, "listPrice" int NOT NULL,
      "listPriceIncludesTax" boolean NOT NULL, "taxLines" text NOT NULL);
    CREATE TABLE shipping_line (id serial PRIMARY KEY, "orderId" int, "listPrice" int NOT NULL,
      "listPriceIncludesTax" boolean NOT NULL, adjustments text NOT NULL, "taxLines" text NOT NULL);
    CREATE INDEX ON order_line ("orderId");
    CREATE INDEX ON surcharge ("orderId");
    CREATE INDEX ON shipping_line ("orderId")`);
});
after(async () => {
  await client?.end();
  if (server) await onServer(`DROP DATABASE IF EXISTS ${database}`);
  await server?.stop();
});

async function onServer(sql) {
  const one = new pg.Client({ connectionString: server.serverUrl });
  await one.connect();
  await one.query(sql).finally(() => one.end());
}

/** A small seeded source of chance (mulberry32). */
function chance(seed) {
  let state = seed | 0;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32) * below);
  };
}

const rates = [[], [0], [7], [19], [20], [7.7], [8.1], [2.1, 5.5], [5, 9.975], [21.25]];

/** Discounts of a line and of the whole order, more for more pieces; fewer pieces may be left than were placed. */
function madeOrder(next) {
  const many = (most, one) => Array.from({ length: next(most + 1) }, one);
  const pricesWithTax = next(2) === 0;
  const price = (most) => 1 + next(most);
  const taxLines = () =>
    rates[next(rates.length)].map((taxRate) => ({ description: `tax ${taxRate}`, taxRate }));
  const discounts = (of) =>
    many(3, () => ({ type: 'PROMOTION', amount: -next(Math.ceil(of / 4)) - next(2) }));
  const base = (most) => ({
    listPrice: price(most),
    listPriceIncludesTax: pricesWithTax,
    taxLines: taxLines(),
  });
  const lines = many(5, () => {
    const placed = next(8);
    const one = base(9_999);
    const adjustments = discounts(one.listPrice * Math.max(1, placed));
    return { ...one, adjustments, orderPlacedQuantity: placed, quantity: next(placed + 3) };
  });
  const surcharges = many(2, () => base(900));
  const shippingLines = many(2, () => {
    const one = base(1_500);
    return { ...one, adjustments: discounts(one.listPrice) };
  });
  return { lines, surcharges, shippingLines };
}

/** What Vendure makes of it. */
function totalsOf({ lines, surcharges, shippingLines }) {
  return new DefaultOrderTaxCalculationStrategy().calculateOrderTotals(
    new Order({
      lines: lines.map((line) => new OrderLine(line)),
      surcharges: surcharges.map((one) => new Surcharge(one)),
      shippingLines: shippingLines.map((one) => new ShippingLine(one)),
    }),
  );
}

async function insert(table, rows) {
  if (rows.length === 0) return;
  const columns = Object.keys(rows[0]).map((column) => `"${column}"`);
  const asText = (value) => (typeof value === 'object' ? JSON.stringify(value) : value);
  const plain = rows.map((row) =>
    Object.fromEntries(Object.entries(row).map(([column, value]) => [column, asText(value)])),
  );
  await client.query(
    `INSERT INTO ${table} (${columns}) SELECT ${columns} FROM json_populate_recordset(NULL::${table}, $1)`,
    [JSON.stringify(plain)],
  );
}

async function insertOrders(orders) {
  const ofOrder = (part) =>
    orders.flatMap((order, index) => order[part].map((row) => ({ orderId: index + 1, ...row })));
  await insert(
    '"order"',
    orders.map((order, index) => ({
      id: index + 1,
      state: 'PaymentSettled',
      ...totalsOf(order),
    })),
  );
  await insert('order_line', ofOrder('lines'));
  await insert('surcharge', ofOrder('surcharges'));
  await insert('shipping_line', ofOrder('shippingLines'));
}

/** The orders for which it is not true. */
async function brokenOrders(name) {
  const inner = invariants.get(name).replaceAll('$1', 'each.id');
  const { rows } = await client.query(
    `SELECT each.id FROM "order" each WHERE (${inner}) IS NOT TRUE ORDER BY each.id`,
  );
  return rows.map(({ id }) => id);
}

describe('the sums of the profile', () => {
  const names = {
    lines: 'the lines and surcharges add up to the subtotals',
    shipping: 'the shipping lines add up to the shipping',
  };
  const changed = (sql) => client.query(`UPDATE "order" SET ${sql} WHERE id % 10 = 0`);
  const every10th = Array.from({ length: orderCount / 10 }, (_, index) => (index + 1) * 10);

  before(async () => {
    const next = chance(7);
    await insertOrders(Array.from({ length: orderCount }, () => madeOrder(next)));
  });

  for (const name of Object.values(names))
    it(`hold of what Vendure works out: ${name}`, async () => {
      assert.deepEqual(await brokenOrders(name), []);
    });

  for (const [column, name] of [
    ['"subTotal"', names.lines],
    ['"subTotalWithTax"', names.lines],
    ['shipping', names.shipping],
    ['"shippingWithTax"', names.shipping],
  ])
    it(`do not hold where ${column} is a cent off`, async () => {
      await changed(`${column} = ${column} + 1`);
      assert.deepEqual(await brokenOrders(name), every10th);
      await changed(`state = 'Cancelled'`);
      assert.deepEqual(await brokenOrders(name), []);
      await changed(`state = 'PaymentSettled', ${column} = ${column} - 1`);
      assert.deepEqual(await brokenOrders(name), []);
    });
});
