import type { ColumnValue } from '../../../src/orders/row-change.js';
import { unreachable } from '../../../src/platform/assert.js';
import type {
  ExpectedTable,
  PlannedChange,
  RestoreItem,
  RestoreOutcome,
} from '../../../src/shops/shop-adapter.js';
import type { Row, ShopTransaction, StandInShop } from './stand-in-shop.js';

type Refused = Extract<RestoreOutcome, { outcome: 'refused' }>;
type Of<Kind extends PlannedChange['do']> = Extract<PlannedChange, { do: Kind }>;

/** Rows that the shop appends without changing the order, unless they tell of a cancellation. */
const historyTable = 'shop.history';

/**
 * Does the work of one restore (or undo) in a transaction of the shop, as the PostgreSQL adapter's
 * statements would: the status, every expected row, then every write. The reason where it is refused.
 */
export function workOn(
  shop: StandInShop,
  transaction: ShopTransaction,
  item: RestoreItem,
): Refused | undefined {
  const order = transaction.row('shop.orders', item.orderId);
  if (order?.['status'] !== item.expectedStatus)
    return refused('not-cancelled-any-more', `its status is ${order?.['status'] ?? 'gone'}`);
  for (const table of item.expect) {
    const found = changedSince(shop, item.orderId, table);
    if (found !== undefined) return refused('changed-since', found);
  }
  for (const change of item.changes) {
    const found = write(shop, transaction, change);
    if (found !== undefined) return found;
  }
  return undefined;
}

function changedSince(
  shop: StandInShop,
  orderId: string,
  { table, rows }: ExpectedTable,
): string | undefined {
  for (const { key, values } of rows) {
    const row = shop.row(table, key[0] ?? '');
    if (row === undefined) return `${table} ${key.join('/')} is gone`;
    const column = Object.keys(values).find((name) => row[name] !== plain(values[name]));
    if (column !== undefined) return `${table} ${key.join('/')}: ${column}`;
  }
  const known = new Set(rows.map(({ key }) => key[0]));
  const column = shop.keyColumn(table);
  const added = (shop.orderRows(orderId)?.get(table) ?? []).find(
    (row) =>
      !known.has(row[column] ?? '') && (table !== historyTable || row['kind'] === 'CANCELLED'),
  );
  return added === undefined ? undefined : `${table} ${added[column] ?? ''} was added`;
}

function write(
  shop: StandInShop,
  transaction: ShopTransaction,
  change: PlannedChange,
): Refused | undefined {
  switch (change.do) {
    case 'set':
      return set(shop, transaction, change);
    case 'move':
      return move(transaction, change);
    case 'insert':
      insert(shop, transaction, change);
      return undefined;
    case 'delete':
      transaction.delete(change.table, change.key[0] ?? '');
      return undefined;
    default:
      return unreachable(change);
  }
}

function set(
  shop: StandInShop,
  transaction: ShopTransaction,
  change: Of<'set'>,
): Refused | undefined {
  const key = change.key[0] ?? '';
  const row = transaction.row(change.table, key);
  if (row === undefined) return refused('changed-since', `${change.table} ${key} is gone`);
  const column = Object.keys(change.expected).find(
    (name) => row[name] !== plain(change.expected[name]),
  );
  if (column !== undefined) return refused('changed-since', `${change.table} ${key}: ${column}`);
  const to = Object.entries(change.to).map(([name, value]) => [name, plain(value)]);
  const kept = housekeeping(shop, change.table, row);
  transaction.update(change.table, key, { ...(Object.fromEntries(to) as Row), ...kept });
  return undefined;
}

/** What any change of a row does to its `touch` and `version` columns. */
function housekeeping(shop: StandInShop, table: string, row: Row): Row {
  const roles = Object.entries(shop.profile.tables[table]?.columns ?? {});
  const changed = roles.flatMap(([name, role]): [string, string][] => {
    if (role === 'touch') return [[name, shop.now()]];
    return role === 'version' ? [[name, String(Number(row[name]) + 1)]] : [];
  });
  return Object.fromEntries(changed);
}

function move(transaction: ShopTransaction, change: Of<'move'>): Refused | undefined {
  const key = change.key[0] ?? '';
  const row = transaction.row(change.table, key);
  if (row === undefined) return refused('stock-gone', `${change.table} ${key} is gone`);
  const moved = Number(row[change.column]) + Number(change.amount);
  const limit = (bound: string | number | null, none: number) =>
    bound === null ? none : Number(typeof bound === 'number' ? bound : row[bound]);
  const isWithin =
    moved >= limit(change.minimum, -Infinity) && moved <= limit(change.maximum, Infinity);
  if (!isWithin) return refused('stock-gone', `${key}: ${change.column} would be ${moved}`);
  transaction.update(change.table, key, { [change.column]: String(moved) });
  return undefined;
}

function insert(shop: StandInShop, transaction: ShopTransaction, change: Of<'insert'>): void {
  const given = Object.entries(change.row).map(([name, value]) => [
    name,
    typeof value === 'object' && value !== null && 'at' in value ? shop.now() : plain(value),
  ]);
  const row = Object.fromEntries(given) as Row;
  const column = shop.keyColumn(change.table);
  const key = row[column] ?? shop.next(change.table.replace('shop.', ''));
  transaction.insert(change.table, { ...row, [column]: key });
}

/** What of an item the shop does not hold now. */
export function differencesFrom(shop: StandInShop, item: RestoreItem): string[] {
  return item.changes.flatMap((change) => {
    if (change.do !== 'set') return [];
    const row = shop.row(change.table, change.key[0] ?? '');
    const differing = Object.keys(change.to).filter(
      (name) => row?.[name] !== plain(change.to[name]),
    );
    return differing.map((name) => `${change.table} ${change.key.join('/')}: ${name}`);
  });
}

function refused(reason: Refused['reason'], detail: string): Refused {
  return { outcome: 'refused', reason, detail };
}

/** Values reach an adapter in the clear. */
function plain(value: ColumnValue | undefined): string | null {
  if (typeof value === 'object' && value !== null)
    throw new Error('a sealed value came to the shop');
  return value ?? null;
}
