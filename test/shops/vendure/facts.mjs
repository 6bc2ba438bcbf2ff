/**
 * Prints, as JSON, what Vendure really writes: for each action on a paid order every row change, grouped
 * by transaction and in order (so a row written twice shows twice), beside the difference of the dumps.
 *   node facts.mjs --server-url postgres://... [--schema]
 */
import { parseArgs } from 'node:util';
import { compareDumps, dumpDatabase } from '../common/dump.mjs';
import { installRecorder, recordedChanges, recorderPosition } from '../common/recorder.mjs';
import { buy, cancelWays } from './scenarios.mjs';
import { withScratchShop } from './scratch-shop.mjs';

const orderTables = [
  'order',
  'order_line',
  'shipping_line',
  'payment',
  'refund',
  'surcharge',
  'stock_movement',
  'stock_level',
  'history_entry',
  'order_modification',
  'order_line_reference',
  'fulfillment',
  'order_fulfillments_fulfillment',
  'order_promotions_promotion',
  'order_channels_channel',
];
const items = { 'BREAD-RYE': 3, 'OIL-OLIVE': 1, SLEEVE: 1 };
const cancelWholly = (shop, { id }) =>
  shop.administrator.cancelOrder({ orderId: id, reason: 'Why', cancelShipping: true });

/** `prepare` happens before the measured `act`. */
const actions = {
  place: { act: (shop) => buy(shop, { items }) },
  placeWithCoupon: {
    async prepare(shop) {
      await shop.administrator.createCoupon({ code: 'TEN', percent: 10 });
    },
    act: (shop) => buy(shop, { items, couponCode: 'TEN' }),
  },
  placeAuthorisedOnly: { act: (shop) => buy(shop, { items, paymentMethod: 'invoice' }) },
  ...Object.fromEntries(
    Object.entries(cancelWays).map(([way, cancel]) => [
      `cancel:${way}`,
      { prepare: (shop) => buy(shop, { items }), act: (shop, order) => cancel(shop, [order]) },
    ]),
  ),
  cancelPartly: {
    prepare: (shop) => buy(shop, { items }),
    act: (shop, { id, lines }) =>
      shop.administrator.cancelOrder({
        orderId: id,
        reason: 'One less',
        cancelShipping: false,
        lines: [{ orderLineId: lines[0].id, quantity: 1 }],
      }),
  },
  cancelAuthorisedOnly: {
    prepare: (shop) => buy(shop, { items, paymentMethod: 'invoice' }),
    act: cancelWholly,
  },
  refund: {
    prepare: (shop) => buy(shop, { items }),
    act: (shop, { id }) => shop.administrator.refund({ orderId: id, amount: 300, reason: 'Sorry' }),
  },
  ship: {
    prepare: (shop) => buy(shop, { items }),
    act: (shop, { id }) => shop.administrator.ship(id),
  },
  deliver: {
    prepare: async (shop) => shop.administrator.ship((await buy(shop, { items })).id),
    act: (shop, { id }) => shop.administrator.deliver(id),
  },
  cancelAfterShipping: {
    prepare: async (shop) => shop.administrator.ship((await buy(shop, { items })).id),
    act: cancelWholly,
  },
};

function columnsChanged({ before, after }) {
  const columns = Object.keys({ ...before, ...after });
  return Object.fromEntries(
    columns
      .filter((column) => before[column] !== after[column])
      .map((column) => [column, [before[column], after[column]]]),
  );
}

/** Changes in their order, those of one transaction together. */
function byTransaction(changes) {
  const transactions = Map.groupBy(changes, ({ transactionId }) => transactionId);
  return [...transactions.values()].map((rows) =>
    rows.map(({ table, operation, before, after }) =>
      operation === 'UPDATE'
        ? { table, id: after.id, changed: columnsChanged({ before, after }) }
        : { table, operation, row: after ?? before },
    ),
  );
}

async function observe({ shop, action: { prepare, act } }) {
  const prepared = await prepare?.(shop);
  const before = await dumpDatabase(shop);
  const position = await recorderPosition(shop.client);
  await act(shop, prepared);
  const transactions = byTransaction(
    await recordedChanges({ client: shop.client, after: position }),
  );
  const differences = compareDumps({ before, after: await dumpDatabase(shop) });
  return { transactions, differences: differences.filter(({ column }) => column !== 'updatedAt') };
}

const schemaSql = `
  SELECT c.relname AS "table", array_agg(a.attname || ' ' || format_type(a.atttypid, a.atttypmod)
           || CASE WHEN a.attnotnull THEN '' ELSE ' null' END ORDER BY a.attnum) AS columns,
         (SELECT array_agg(pg_get_constraintdef(k.oid)) FROM pg_constraint k WHERE k.conrelid = c.oid) AS constraints,
         (SELECT array_agg(t.tgname) FROM pg_trigger t WHERE t.tgrelid = c.oid AND NOT t.tgisinternal) AS triggers
    FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
   WHERE c.relkind = 'r' AND c.relnamespace = 'public'::regnamespace AND c.relname = ANY ($1)
   GROUP BY c.oid, c.relname ORDER BY c.relname`;

const print = (value) => process.stdout.write(`${JSON.stringify(value, null, 2)}\n`);

async function main() {
  const { values } = parseArgs({
    options: { 'server-url': { type: 'string' }, schema: { type: 'boolean', default: false } },
  });
  await withScratchShop({ serverUrl: values['server-url'] }, async (shop) => {
    if (values.schema) print((await shop.client.query(schemaSql, [orderTables])).rows);
    await installRecorder(shop.client);
    for (const [name, action] of Object.entries(actions))
      print({ [name]: await observe({ shop, action }) });
  });
}

await main();
