/** The proof that orders are back, by plain SQL; it knows nothing of Reinstate's inside. */
import assert from 'node:assert/strict';
import { compareDumps } from '../common/dump.mjs';
import { recordedChanges } from '../common/recorder.mjs';

/** What the shop keeps of its own work, and of who is logged in. */
const ownTables = ['workflow_execution', 'cart', 'customer'];

/** Differences between two dumps but for the moments of the last change. */
export function differencesOf(dumps) {
  return compareDumps(dumps).filter(
    ({ table, column }) => column !== 'updated_at' && !ownTables.includes(table),
  );
}

/** Every row of every table is as before the failure; the failure had changed something. */
export function assertAsBefore({ before, harmed, restored, orders }) {
  assert.ok(differencesOf({ before, after: harmed }).length >= orders.length, 'nothing was harmed');
  assert.deepEqual(differencesOf({ before, after: restored }), []);
}

/** What leads from a table of the order to rows that do not name it. */
const linkedBy = {
  order_item: 'item_id',
  order_shipping: 'shipping_method_id',
  order_payment_collection: 'payment_collection_id',
  order_fulfillment: 'fulfillment_id',
};
const links = ['id', 'order_id', 'line_item_id', 'payment_id', ...Object.values(linkedBy)];

/** Ids of these orders and of what hangs below them. */
function idsBelow(dump, orders) {
  const ids = new Set(orders.map(({ id }) => id));
  for (const [table, column] of Object.entries(linkedBy))
    for (const row of Object.values(dump[table])) if (ids.has(row.order_id)) ids.add(row[column]);
  for (const { id, payment_collection_id: of } of Object.values(dump.payment))
    if (ids.has(of)) ids.add(id);
  return ids;
}

/** Differences in the rows of these orders alone, whatever else the shop did meanwhile. */
export function differencesOfOrders({ before, after, orders }) {
  const ids = idsBelow(before, orders).union(idsBelow(after, orders));
  return differencesOf({ before, after }).filter(({ table, key }) => {
    const row = after[table]?.[key] ?? before[table][key];
    return links.some((column) => ids.has(row[column]));
  });
}

/** Each counter of reserved pieces, and its copy in JSON, is what the reservations come to. */
export function assertReservedIsTold({ inventory_level: levels, reservation_item: items }) {
  const place = ({ inventory_item_id: item, location_id: location }) => `${item}/${location}`;
  const told = {};
  for (const row of Object.values(items))
    if (row.deleted_at === null) told[place(row)] = (told[place(row)] ?? 0) + Number(row.quantity);
  for (const level of Object.values(levels)) {
    assert.equal(Number(level.reserved_quantity), told[place(level)] ?? 0);
    assert.equal(
      JSON.parse(level.raw_reserved_quantity).value,
      String(Number(level.reserved_quantity)),
    );
  }
}

const plannedRow = ({ do: deed, table, key }) => {
  const operation = { insert: 'INSERT', delete: 'DELETE' }[deed] ?? 'UPDATE';
  return `${operation} ${table.replace('public.', '')} ${key.join('/')}`;
};

const recordedRow = ({ operation, table, before, after }) =>
  `${operation} ${table} ${(after ?? before).id}`;

/** Every row that Reinstate's write role touched stands in the plan, and the other way round. */
export async function assertOnlyPlanned({ shop, position, writeUrl, items }) {
  const role = new URL(writeUrl).username;
  const changes = await recordedChanges({ client: shop.client, after: position });
  const written = changes.filter((change) => change.role === role).map(recordedRow);
  const planned = [...items].flatMap(({ changes: own }) => own.map(plannedRow));
  assert.deepEqual(new Set(written), new Set(planned));
}
