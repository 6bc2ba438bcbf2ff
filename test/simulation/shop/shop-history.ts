import type { Committed, Row, StandInShop } from './stand-in-shop.js';

export interface RowAfter {
  readonly table: string;
  /** table and key */
  readonly name: string;
  readonly after: Row | null;
}

/** What a transaction of the log made of each row, in its order. */
export function rowsChanged(shop: StandInShop, { changes }: Committed): RowAfter[] {
  return changes.flatMap((change) => {
    if (change.kind === 'truncate') return [];
    const { table, columns } = change.relation;
    const tuple = change.kind === 'delete' ? change.before.values : change.after;
    const row = Object.fromEntries(columns.map((column, place) => [column, tuple[place] ?? null]));
    const name = `${table} ${row[shop.keyColumn(table)] ?? ''}`;
    return [{ table, name, after: change.kind === 'delete' ? null : row }];
  });
}

/** The rows of an order after so many transactions of the log, by table and key. */
export function orderAfter(
  shop: StandInShop,
  orderId: string,
  transactions: number,
): ReadonlyMap<string, RowAfter & { readonly after: Row }> {
  const rows = new Map<string, RowAfter & { readonly after: Row }>();
  for (const one of shop.log.slice(0, transactions).flatMap((each) => rowsChanged(shop, each))) {
    const { name, table, after } = one;
    if (after === null) rows.delete(name);
    else if (shop.orderOf(table, after) === orderId) rows.set(name, { name, table, after });
  }
  return rows;
}

/** How many transactions the log had before the newest one (before `until`) that brought the order to this status. */
export function beforeStatus(
  shop: StandInShop,
  orderId: string,
  given: { readonly status: string; readonly until: number },
): number | undefined {
  let found: number | undefined;
  let last: string | null = null;
  for (const [place, one] of shop.log.slice(0, given.until).entries())
    for (const { name, after } of rowsChanged(shop, one)) {
      if (name !== `shop.orders ${orderId}` || after === null) continue;
      const status = after['status'] ?? null;
      if (status === given.status && last !== given.status) found = place;
      last = status;
    }
  return found;
}
