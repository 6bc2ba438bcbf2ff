/**
 * A restore written by hand for Vendure, as the yardstick for the one that Reinstate plans: one
 * transaction that takes an order back to its before-images. As a process it proves the point for
 * each way of cancelling: equal dumps but for `updatedAt` and appended rows, then shipped and delivered.
 */
import { isDeepStrictEqual, parseArgs } from 'node:util';
import { pathToFileURL } from 'node:url';
import { compareDumps, dumpDatabase, readTables } from '../common/dump.mjs';
import { buy, cancelWays } from './scenarios.mjs';
import { withScratchShop } from './scratch-shop.mjs';

const rowsOf = (dump, table, column, ids) =>
  Object.values(dump[table]).filter((row) => ids.includes(row[column]));

/** Vendure itself locks in two orders (placing: order, lines, levels; cancelling: levels, lines, order): wait only once. */
async function lockOrder({ client, orderId, levelIds }) {
  await client.query(`SET LOCAL lock_timeout = '500ms'`);
  await client.query(`SELECT id FROM "order" WHERE id = $1 FOR UPDATE`, [orderId]);
  await client.query(
    `SELECT id FROM order_line WHERE "orderId" = $1 ORDER BY id FOR UPDATE NOWAIT`,
    [orderId],
  );
  await client.query(
    `SELECT id FROM shipping_line WHERE "orderId" = $1 ORDER BY id FOR UPDATE NOWAIT`,
    [orderId],
  );
  await client.query(`SELECT id FROM payment WHERE "orderId" = $1 ORDER BY id FOR UPDATE NOWAIT`, [
    orderId,
  ]);
  await client.query(
    `SELECT id FROM stock_level WHERE id = ANY ($1) ORDER BY id FOR UPDATE NOWAIT`,
    [levelIds],
  );
}

/** The rows that belong to one order alone, of a dump. */
function ownRows(dump, orderId) {
  const children = ['order_line', 'shipping_line', 'payment', 'order_fulfillments_fulfillment'];
  const own = (table) => Object.entries(dump[table]).filter(([, row]) => row.orderId === orderId);
  return {
    order: { [orderId]: dump.order[orderId] },
    ...Object.fromEntries(children.map((table) => [table, Object.fromEntries(own(table))])),
  };
}

/** Under the locks: is everything still as the cancel left it? */
async function refuseIfChanged({ client, after, orderId }) {
  const harmed = ownRows(after, orderId);
  const current = ownRows(await readTables({ client, tables: Object.keys(harmed) }), orderId);
  if (compareDumps({ before: harmed, after: current }).length > 0) throw new ChangedSince(orderId);
}

async function restoreValues({ client, before, orderId }) {
  const order = before.order[orderId];
  await client.query(
    `UPDATE "order"
        SET state = $2, active = $3, "subTotal" = $4, "subTotalWithTax" = $5, shipping = $6, "shippingWithTax" = $7,
            "updatedAt" = CURRENT_TIMESTAMP
      WHERE id = $1`,
    [
      orderId,
      order.state,
      order.active,
      order.subTotal,
      order.subTotalWithTax,
      order.shipping,
      order.shippingWithTax,
    ],
  );
  for (const { id, quantity } of rowsOf(before, 'order_line', 'orderId', [orderId])) {
    await client.query(
      `UPDATE order_line SET quantity = $2, "updatedAt" = CURRENT_TIMESTAMP WHERE id = $1 AND quantity <> $2`,
      [id, quantity],
    );
  }
  for (const { id, adjustments } of rowsOf(before, 'shipping_line', 'orderId', [orderId])) {
    await client.query(
      `UPDATE shipping_line SET adjustments = $2, "updatedAt" = CURRENT_TIMESTAMP WHERE id = $1 AND adjustments <> $2`,
      [id, adjustments],
    );
  }
}

/**
 * Takes the pieces again that the cancel gave back, unless they are not there any more. How many says
 * the level's own change: stock that nobody tracks has release rows, but its level never moves.
 */
async function takeStock({ client, levels }) {
  for (const { id, quantity } of levels) {
    const { rowCount } = await client.query(
      `UPDATE stock_level s SET "stockAllocated" = s."stockAllocated" + $2, "updatedAt" = CURRENT_TIMESTAMP
         FROM product_variant v, global_settings g
        WHERE s.id = $1 AND v.id = s."productVariantId"
          AND s."stockOnHand" - s."stockAllocated" - $2
              >= CASE WHEN v."useGlobalOutOfStockThreshold" THEN g."outOfStockThreshold" ELSE v."outOfStockThreshold" END`,
      [id, quantity],
    );
    if (rowCount !== 1) throw new StockGone(id);
  }
}

/** Every RELEASE is answered by an ALLOCATION: a later cancel counts these rows to know what to give back. */
async function allocateAgain({ client, released }) {
  for (const { productVariantId, stockLocationId, orderLineId, quantity } of released) {
    await client.query(
      `INSERT INTO stock_movement (type, discriminator, quantity, "productVariantId", "stockLocationId", "orderLineId")
       VALUES ('ALLOCATION', 'Allocation', $1, $2, $3, $4)`,
      [quantity, productVariantId, stockLocationId, orderLineId],
    );
  }
}

/** The pieces went to someone else meanwhile. */
export class StockGone extends Error {
  constructor(levelId) {
    super(`not enough stock at stock level ${levelId}`);
  }
}

/** Someone else wrote the order after the cancel, or restored it first. */
export class ChangedSince extends Error {
  constructor(orderId) {
    super(`order ${orderId} is not as the cancel left it`);
  }
}

/** What the cancel did to stock, from the dumps on either side of it. */
function stockGivenBack({ before, after, orderId }) {
  const lineIds = rowsOf(before, 'order_line', 'orderId', [orderId]).map(({ id }) => id);
  const movements = rowsOf(after, 'stock_movement', 'orderLineId', lineIds);
  const released = movements.filter(
    ({ id, type }) => type === 'RELEASE' && !before.stock_movement[id],
  );
  const levels = Object.values(before.stock_level)
    .map(({ id, stockAllocated }) => ({
      id,
      quantity: Number(stockAllocated) - Number(after.stock_level[id].stockAllocated),
    }))
    .filter(({ quantity }) => quantity !== 0);
  return { released, levels };
}

/**
 * Takes one order back to `before`, whole or not at all.
 * @param {{ client: import('pg').Client, before: object, after: object, orderId: string }} options dumps on
 *   either side of the cancel, with nothing else going on between them
 * @throws {StockGone} and {ChangedSince}, and then nothing is written
 */
export async function restoreOrder({ client, before, after, orderId }) {
  const { released, levels } = stockGivenBack({ before, after, orderId });
  await client.query('BEGIN');
  try {
    await lockOrder({ client, orderId, levelIds: levels.map(({ id }) => id) });
    await refuseIfChanged({ client, after, orderId });
    await restoreValues({ client, before, orderId });
    await takeStock({ client, levels });
    await allocateAgain({ client, released });
    await client.query(
      `INSERT INTO history_entry (type, discriminator, "isPublic", data, "orderId")
       VALUES ('ORDER_STATE_TRANSITION', 'OrderHistoryEntry', true, $2, $1)`,
      [
        orderId,
        JSON.stringify({ from: after.order[orderId].state, to: before.order[orderId].state }),
      ],
    );
    await client.query('COMMIT');
  } catch (error) {
    await client.query('ROLLBACK');
    throw error;
  }
}

const appendOnly = ['history_entry', 'stock_movement'];

/** The differences that a perfect restore would not leave. */
export function unexpectedDifferences(differences) {
  return differences.filter(
    ({ table, kind, column }) =>
      column !== 'updatedAt' &&
      !(kind === 'inserted' && appendOnly.includes(table)) &&
      table !== 'session',
  );
}

/** What the restore appended that the shop never wrote itself: rows it may not be able to read or edit later. */
export function strangeAppends({ harmed, restored }) {
  const shapeOf = ({ type, discriminator }) => `${type}/${discriminator}`;
  const known = new Map(
    appendOnly.map((table) => [table, new Set(Object.values(harmed[table]).map(shapeOf))]),
  );
  return compareDumps({ before: harmed, after: restored }).filter(
    ({ table, kind, after }) => kind === 'inserted' && !known.get(table)?.has(shapeOf(after)),
  );
}

/** Cancels one new order in the given way, restores it, and ships and delivers it; resolves with what was seen. */
export async function proveRestore({ shop, way }) {
  const order = await buy(shop, { items: { 'BREAD-RYE': 3, 'APRON-RED': 1, SLEEVE: 1 } });
  const before = await dumpDatabase(shop);
  const apiBefore = await shop.administrator.order(order.id);
  await cancelWays[way](shop, [order]);
  const after = await dumpDatabase(shop);
  await restoreOrder({ client: shop.client, before, after, orderId: order.id });
  const restored = await dumpDatabase(shop);
  const sameThroughApi = isDeepStrictEqual(await shop.administrator.order(order.id), apiBefore);
  const lastEntry = (await shop.administrator.history(order.id)).at(-1);
  const shipped = await shop.administrator.ship(order.id);
  const delivered = await shop.administrator.deliver(order.id);
  return {
    way,
    harmed: compareDumps({ before, after }).length,
    unexpected: unexpectedDifferences(compareDumps({ before, after: restored })),
    strange: strangeAppends({ harmed: after, restored }),
    sameThroughApi,
    lastEntry: lastEntry.data,
    states: [shipped.state, delivered.state],
  };
}

async function runAsProcess() {
  const { values } = parseArgs({ options: { 'server-url': { type: 'string' } } });
  await withScratchShop({ serverUrl: values['server-url'] }, async (shop) => {
    for (const way of Object.keys(cancelWays)) {
      const proof = await proveRestore({ shop, way });
      process.stdout.write(`${JSON.stringify(proof)}\n`);
      const holds =
        proof.unexpected.length === 0 &&
        proof.strange.length === 0 &&
        proof.sameThroughApi &&
        proof.states.join() === 'Shipped,Delivered';
      if (!holds) process.exitCode = 1;
    }
  });
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) await runAsProcess();
