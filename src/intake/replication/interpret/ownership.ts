import { present } from '../../../platform/assert.js';
import { plainText, type DraftImage } from './draft-image.js';
import type { RowRef } from './known-rows.js';
import { orderTable, type ShopMapping } from './shop-mapping.js';

/** Whose row it is: an order's id, `shared` for a counter, null where its order is not known (yet). */
export type Owner = { readonly orderId: string } | 'shared' | null;

/** Gives the image of a row as it stands at the moment in question. */
export type RowLookup = (ref: RowRef) => DraftImage | undefined;

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
  const { parent } = mapped.order;
  if (parent === undefined) return { orderId: value };
  const image = lookup({ table: parent, key: [value] });
  return image === undefined ? null : ownerOf(mapping, { table: parent, image }, lookup);
}

/** The next row that has to be known to tell this row's order and customer: its parent, or the order itself. */
export function parentRef(
  mapping: ShopMapping,
  row: { table: string; image: DraftImage },
): RowRef | undefined {
  const mapped = present(mapping.tables.get(row.table), `${row.table} is not mapped`);
  if (mapped.order === 'shared' || row.table === mapping.profile.order.table) return undefined;
  const value = plainText(row.image[mapped.order.column]);
  if (value === undefined) return undefined;
  return { table: mapped.order.parent ?? mapping.profile.order.table, key: [value] };
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
  const order = lookup(orderRef(mapping, row.orderId));
  const customer = plainText(order?.[mapping.profile.order.customer]);
  return customer === undefined ? `order:${row.orderId}` : `customer:${customer}`;
}
