/** What Reinstate is granted in this shop's database: no more than its profile needs. */

/** What it reads. */
const orderTables = [
  'order',
  'order_line',
  'shipping_line',
  'surcharge',
  'payment',
  'refund',
  'order_modification',
  'order_line_reference',
  'order_fulfillments_fulfillment',
  'order_promotions_promotion',
  'order_channels_channel',
  'stock_level',
  'stock_movement',
  'history_entry',
  // what the profile's limits read
  'product_variant',
  'global_settings',
];

/** What a restore of this profile writes. */
const writeGrants = [
  'UPDATE (state, "subTotal", "subTotalWithTax", shipping, "shippingWithTax", "updatedAt") ON "order"',
  'UPDATE (quantity, "updatedAt") ON order_line',
  'UPDATE (adjustments, "updatedAt") ON shipping_line',
  'UPDATE ("stockAllocated", "updatedAt") ON stock_level',
  // nothing is written here, but a row lock asks for it
  'UPDATE ("updatedAt") ON payment',
  'INSERT ON stock_movement, history_entry',
  'USAGE ON SEQUENCE stock_movement_id_seq, history_entry_id_seq',
];

/** How Reinstate is told of the shop, and what it is granted there. */
export const vendure = {
  shopId: 'vendure',
  name: 'Vendure',
  profile: 'vendure',
  orderTables,
  writeGrants,
};
