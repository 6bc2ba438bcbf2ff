/**
 * Prints, as JSON, what Medusa really writes: for each action on an order every row change, grouped by
 * transaction and in the order of the commits.
 *   node facts.mjs [--server-url postgres://...] [--schema] [--only cancel:api,refund]
 */
import { parseArgs } from 'node:util';
import { installRecorder, recordedChanges, recorderPosition } from '../common/recorder.mjs';
import { buy, buyPaid, cancelWays } from './scenarios.mjs';
import { withScratchShop } from './scratch-shop.mjs';

const items = { 'BREAD-RYE': 3, 'OIL-OLIVE': 1, SLEEVE: 1 };
const unpaid = (shop) => buy(shop, items);
const paid = (shop) => buyPaid(shop, items);

/** `prepare` happens before the measured `act`. */
const actions = {
  place: { act: unpaid },
  ...Object.fromEntries(
    Object.entries(cancelWays).flatMap(([way, cancel]) => [
      [`cancel:${way}`, { prepare: unpaid, act: (shop, order) => cancel(shop, [order]) }],
      [`cancelPaid:${way}`, { prepare: paid, act: (shop, order) => cancel(shop, [order]) }],
    ]),
  ),
  capture: { prepare: unpaid, act: (shop, { id }) => shop.administrator.capture(id) },
  refund: {
    prepare: paid,
    act: (shop, { id }) => shop.administrator.refund({ orderId: id, amount: 3 }),
  },
  fulfil: { prepare: paid, act: (shop, { id }) => shop.administrator.fulfil(id) },
  ship: { prepare: paid, act: (shop, { id }) => shop.administrator.ship(id) },
};

function columnsChanged({ before, after }) {
  const text = JSON.stringify;
  const changed = Object.keys(after).filter(
    (column) => text(before[column]) !== text(after[column]),
  );
  return Object.fromEntries(changed.map((column) => [column, [before[column], after[column]]]));
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
  const position = await recorderPosition(shop.client);
  await act(shop, prepared);
  return byTransaction(await recordedChanges({ client: shop.client, after: position }));
}

const schemaSql = `
  SELECT c.relname AS "table", array_agg(a.attname || ' ' || format_type(a.atttypid, a.atttypmod)
           || CASE WHEN a.attnotnull THEN '' ELSE ' null' END ORDER BY a.attnum) AS columns,
         (SELECT array_agg(pg_get_constraintdef(k.oid)) FROM pg_constraint k WHERE k.conrelid = c.oid AND k.contype <> 'n') AS constraints,
         (SELECT array_agg(pg_get_indexdef(i.indexrelid)) FROM pg_index i WHERE i.indrelid = c.oid) AS indexes
    FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
   WHERE c.relkind = 'r' AND c.relnamespace = 'public'::regnamespace
   GROUP BY c.oid, c.relname ORDER BY c.relname`;

const print = (value) => process.stdout.write(`${JSON.stringify(value, null, 2)}\n`);

async function main() {
  const { values } = parseArgs({
    options: {
      'server-url': { type: 'string' },
      schema: { type: 'boolean', default: false },
      only: { type: 'string' },
    },
  });
  const wanted = values.only?.split(',') ?? Object.keys(actions);
  await withScratchShop({ serverUrl: values['server-url'] }, async (shop) => {
    if (values.schema) print((await shop.client.query(schemaSql)).rows);
    await installRecorder(shop.client);
    for (const name of wanted) print({ [name]: await observe({ shop, action: actions[name] }) });
  });
}

await main();
