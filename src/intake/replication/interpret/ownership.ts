import { present } from '../../../platform/assert.js';
import { plainText, type DraftImage } from './draft-image.js';
import type { RowRef } from './known-rows.js';
import { orderTable, type ShopMapping } from './shop-mapping.js';

/** Whose row it is: an order's id, `shared` for a counter, null where its order is not known (yet). */
export type Owner = { readonly orderId: string } | 'shared' | null;

/** What names a row: a row of `table` whose column `by` holds the named row's key. */
export interface Link {
  readonly table: string;
  readonly by: string;
  readonly named: RowRef;
}

/** How rows stand at the moment in question. */
export interface RowLookup {
  /** the image of a row */
  image(ref: RowRef): DraftImage | undefined;
  /** the order of a row that is named by another one */
  orderByLink(link: Link): string | null;
}

/** Finds a row's order: by its own column, or up through its parents. */
export function ownerOf(
  mapping: ShopMapping,
  row: { table: string; image: DraftImage },
  lookup: RowLookup,
): Owner {
  const mapped = present(mapping.tables.get(row.table), `${row.table} is not mapped`);
  if (mapped.order === 'shared') return 'shared';
  const value = plainText(row.image[mapped.order.column]);
  if (value === undefined) return null;
  const { parent, by } = mapped.order;
  if (parent === undefined) return { orderId: value };
  if (by !== undefined) {
    const named = { table: row.table, key: [value] };
    const orderId = lookup.orderByLink({ table: parent, by, named });
    return orderId === null ? null : { orderId };
  }
  const image = lookup.image({ table: parent, key: [value] });
  return image === undefined ? null : ownerOf(mapping, { table: parent, image }, lookup);
}

/**
 * The next row that has to be known to tell this row's order and customer: its parent, or the order itself; none
 * for a row that is named by another one, since its own order stands with it.
 */
export function parentRef(
  mapping: ShopMapping,
  row: { table: string; image: DraftImage },
): RowRef | undefined {
  const mapped = present(mapping.tables.get(row.table), `${row.table} is not mapped`);
  if (mapped.order === 'shared' || row.table === mapping.profile.order.table) return undefined;
  const value = plainText(row.image[mapped.order.column]);
  if (value === undefined || mapped.order.by !== undefined) return undefined;
  return { table: mapped.order.parent ?? mapping.profile.order.table, key: [value] };
}

/** The rows that this row names, and to which it gives its order. */
export function namedByRow(
  mapping: ShopMapping,
  row: { table: string; image: DraftImage },
): RowRef[] {
  return (mapping.links.get(row.table) ?? []).flatMap(({ table, by }) => {
    const value = plainText(row.image[by]);
    return value === undefined ? [] : [{ table, key: [value] }];
  });
}

/** Reference to an order's own row. */
export function orderRef(mapping: ShopMapping, orderId: string): RowRef {
  return { table: orderTable(mapping).table, key: [orderId] };
}

/** Under whose key a row's personal values are sealed: the order's customer, or the order of a guest. */
export function keyOfOwner(
  mapping: ShopMapping,
  row: RowRef & { orderId: string | null },
  lookup: RowLookup,
): string {
  if (row.orderId === null) return `row:${row.table}:${row.key.join(',')}`;
  const order = lookup.image(orderRef(mapping, row.orderId));
  const customer = plainText(order?.[mapping.profile.order.customer]);
  return customer === undefined ? `order:${row.orderId}` : `customer:${customer}`;
}
