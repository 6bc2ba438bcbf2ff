/** What Reinstate is granted in this shop's database: no more than its profile needs. */

/** What it reads. */
const orderTables = [
  'order',
  'order_item',
  'order_line_item',
  'order_line_item_adjustment',
  'order_line_item_tax_line',
  'order_shipping',
  'order_shipping_method',
  'order_shipping_method_adjustment',
  'order_shipping_method_tax_line',
  'order_summary',
  'order_change',
  'order_change_action',
  'order_credit_line',
  'order_transaction',
  'order_payment_collection',
  'payment_collection',
  'payment',
  'capture',
  'refund',
  'order_fulfillment',
  'fulfillment',
  'reservation_item',
  'inventory_level',
  // what the profile's limits and invariants read
  'product_variant',
  'product_variant_inventory_item',
];

/** What a restore of this profile writes. */
const writeGrants = [
  'UPDATE (status, canceled_at, version, updated_at) ON "order"',
  'UPDATE (canceled_at, updated_at) ON payment',
  'UPDATE (status, completed_at, refunded_amount, raw_refunded_amount, updated_at) ON payment_collection',
  'UPDATE (deleted_at, updated_at) ON reservation_item',
  'UPDATE (reserved_quantity, raw_reserved_quantity, updated_at) ON inventory_level',
  'UPDATE (totals, updated_at) ON order_summary',
  'UPDATE (status, confirmed_at, updated_at) ON order_change',
  'UPDATE (applied, updated_at) ON order_change_action',
  // a row lock asks for it
  'UPDATE (updated_at) ON order_item',
  'UPDATE (updated_at) ON order_shipping',
  'UPDATE (updated_at) ON order_credit_line',
  'DELETE ON order_item, order_shipping, order_summary, order_credit_line, order_change, order_change_action',
  // an undo puts them there again
  'INSERT ON order_item, order_shipping, order_summary, order_credit_line, order_change, order_change_action',
  'USAGE ON SEQUENCE order_change_action_ordering_seq',
];

/** How Reinstate is told of the shop, and what it is granted there. */
export const medusa = {
  shopId: 'medusa',
  name: 'Medusa',
  profile: 'medusa',
  orderTables,
  writeGrants,
};
