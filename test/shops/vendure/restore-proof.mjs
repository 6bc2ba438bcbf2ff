/** The proof that orders are back, by plain SQL and by Vendure's own API; it knows nothing of Reinstate's inside. */
import assert from 'node:assert/strict';
import { compareDumps } from '../common/dump.mjs';
import { strangeAppends, unexpectedDifferences } from './manual-restore.mjs';
import { recordedChanges } from '../common/recorder.mjs';

const transition = (row) => row.type === 'ORDER_STATE_TRANSITION';

/** Rows of append-only tables that the restore added. */
export function appendedRows({ harmed, restored }) {
  return compareDumps({ before: harmed, after: restored })
    .filter(({ kind, table }) => kind === 'inserted' && table !== 'session')
    .map(({ table, after }) => ({ table, ...after }));
}

/**
 * The whole database is as before the failure, but for `updatedAt` and for what a restore appends: for each
 * order one step in its history, and one ALLOCATION for each RELEASE of the failure.
 * @param {{ before: object, harmed: object, restored: object, orders: { id: string }[] }} dumps
 */
export function assertAsBefore({ before, harmed, restored, orders }) {
  assert.ok(compareDumps({ before, after: harmed }).length >= orders.length, 'nothing was harmed');
  const differences = compareDumps({ before, after: restored });
  assert.deepEqual(unexpectedDifferences(differences), []);
  assert.deepEqual(strangeAppends({ harmed, restored }), []);
  const appended = appendedRows({ harmed, restored });
  const steps = appended.filter(({ table }) => table === 'history_entry');
  assert.deepEqual(steps.map(({ orderId }) => orderId).sort(), orders.map(({ id }) => id).sort());
  assert.ok(steps.every(transition));
  for (const { data } of steps) {
    assert.deepEqual(JSON.parse(data), { from: 'Cancelled', to: 'PaymentSettled' });
  }
  const movement = ({ orderLineId, stockLocationId, quantity }) =>
    [orderLineId, stockLocationId, quantity].join('/');
  const released = appendedRows({ harmed: before, restored: harmed }).filter(
    ({ type }) => type === 'RELEASE',
  );
  const allocated = appended.filter(({ table }) => table === 'stock_movement');
  assert.deepEqual(allocated.map(movement).sort(), released.map(movement).sort());
  assert.ok(allocated.every(({ type }) => type === 'ALLOCATION'));
}

/** Differences in the rows of these orders alone, whatever else the shop did meanwhile. */
export function differencesOf({ before, after, orders }) {
  const ids = new Set(orders.map(({ id }) => String(id)));
  const keysOf = (table) =>
    new Set(
      Object.values({ ...before[table], ...after[table] })
        .filter(({ orderId }) => ids.has(orderId))
        .map(({ id }) => id),
    );
  const [lines, payments] = [keysOf('order_line'), keysOf('payment')];
  return compareDumps({ before, after }).filter(({ table, key }) => {
    const row = after[table]?.[key] ?? before[table][key];
    return (
      (table === 'order' && ids.has(row.id)) ||
      ids.has(row.orderId) ||
      lines.has(row.orderLineId) ||
      payments.has(row.paymentId)
    );
  });
}

/** These orders have every value that they had, and nothing was added but what a restore adds. */
export function assertOrdersAsBefore({ before, harmed, restored, orders }) {
  assert.deepEqual(unexpectedDifferences(differencesOf({ before, after: restored, orders })), []);
  assert.deepEqual(strangeAppends({ harmed, restored }), []);
}

/**
 * The whole database is as the failure had left it, but for `updatedAt` and what stays in ledgers: the restore's
 * step in the history, and for each ALLOCATION of the restore a RELEASE.
 */
export function assertUndone({ harmed, undone }) {
  const differences = compareDumps({ before: harmed, after: undone });
  assert.deepEqual(unexpectedDifferences(differences), []);
  assert.deepEqual(strangeAppends({ harmed, restored: undone }), []);
  const moved = appendedRows({ harmed, restored: undone }).filter(
    ({ table }) => table === 'stock_movement',
  );
  const movementsOf = (wanted) =>
    moved
      .filter(({ type }) => type === wanted)
      .map(({ orderLineId, stockLocationId, quantity }) =>
        [orderLineId, stockLocationId, quantity].join('/'),
      )
      .sort();
  assert.ok(moved.length > 0, 'no stock was moved');
  assert.deepEqual(movementsOf('RELEASE'), movementsOf('ALLOCATION'));
}

/** Each level moved by what the ledger gained for it, whoever wrote it. Holds where all stock is tracked. */
export function assertLevelsFollowLedger({ before, after }) {
  const place = ({ productVariantId, stockLocationId }) => `${productVariantId}/${stockLocationId}`;
  const moved = {};
  for (const { table, key, column, ...change } of compareDumps({ before, after })) {
    if (table !== 'stock_level' || column !== 'stockAllocated') continue;
    moved[place(after[table][key])] = Number(change.after) - Number(change.before);
  }
  const told = {};
  for (const { table, type, quantity, ...row } of appendedRows({ harmed: before, restored: after }))
    if (table === 'stock_movement' && type === 'ALLOCATION')
      told[place(row)] = (told[place(row)] ?? 0) + Number(quantity);
  assert.deepEqual(moved, told);
}

const plannedRow = ({ do: deed, table, key }) => {
  const name = table.replace('public.', '');
  return deed === 'insert' ? `INSERT ${name}` : `UPDATE ${name} ${key.join('/')}`;
};

const recordedRow = ({ operation, table, after }) =>
  operation === 'INSERT' ? `INSERT ${table}` : `${operation} ${table} ${after?.id}`;

/** Every row that Reinstate's write role touched stands in the plan, and the other way round. */
export async function assertOnlyPlanned({ shop, position, writeUrl, items }) {
  const role = new URL(writeUrl).username;
  const changes = await recordedChanges({ client: shop.client, after: position });
  const written = changes.filter((change) => change.role === role).map(recordedRow);
  const planned = [...items].flatMap(({ changes: own }) => own.map(plannedRow));
  const inserts = (rows) => rows.filter((row) => row.startsWith('INSERT')).sort();
  assert.deepEqual(new Set(written), new Set(planned));
  assert.deepEqual(inserts(written), inserts(planned));
}
