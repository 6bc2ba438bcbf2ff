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

/** The rows of these orders alone are as they were. */
export function assertUntouched({ before, after, orders }) {
  const ids = new Set(orders.map(({ id }) => id));
  const touched = differencesOf({ before, after }).filter(({ table, key }) => {
    const row = after[table]?.[key] ?? before[table]?.[key];
    return ids.has(row?.order_id) || (table === 'order' && ids.has(key));
  });
  assert.deepEqual(touched, []);
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
