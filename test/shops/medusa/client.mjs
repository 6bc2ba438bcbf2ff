/** What customers and staff do in the shop, through its real APIs. */

/** The shop said no, with a reason: an expected outcome for those who ask for it. */
export class ShopRefusal extends Error {
  constructor({ status, path, message }) {
    super(`${path}: ${status} ${message}`);
    this.status = status;
  }
}

async function send({ url, path, method, headers, body }) {
  const response = await fetch(`${url}${path}`, {
    method,
    headers: { 'content-type': 'application/json', ...headers },
    ...(body && { body: JSON.stringify(body) }),
  });
  const text = await response.text();
  const answer = response.headers.get('content-type')?.includes('json') ? JSON.parse(text) : {};
  if (!response.ok)
    throw new ShopRefusal({ status: response.status, path, message: answer.message ?? text });
  return answer;
}

const addressOf = ({ firstName, lastName }) => ({
  first_name: firstName,
  last_name: lastName,
  address_1: '1 Test Street',
  city: 'Berlin',
  postal_code: '10115',
  country_code: 'de',
  phone: '030 000000',
});

const orderFields = [
  'id,display_id,status,version,canceled_at,email,currency_code,total,subtotal,tax_total,shipping_total',
  'payment_status,fulfillment_status,*items,*items.tax_lines,*shipping_methods,*shipping_address,*summary',
  '*payment_collections,*payment_collections.payments,*fulfillments',
].join(',');

/** A member of staff, logged in to the admin API. */
export class Administrator {
  #url;
  #token;

  constructor({ url, token }) {
    this.#url = url;
    this.#token = token;
  }

  /** Logs in and resolves with the administrator. */
  static async logIn({ url, email, password }) {
    const path = '/auth/user/emailpass';
    const { token } = await send({ url, path, method: 'POST', body: { email, password } });
    return new Administrator({ url, token });
  }

  #send(method, path, body) {
    const headers = { authorization: `Bearer ${this.#token}` };
    return send({ url: this.#url, path: `/admin${path}`, method, headers, body });
  }

  /** The key that the web shop sends, and the region in which it sells. */
  async storefront() {
    const { api_keys: keys } = await this.#send('GET', '/api-keys?type=publishable');
    const { regions } = await this.#send('GET', '/regions');
    return { key: keys[0].token, regionId: regions[0].id };
  }

  /** The variants' ids by SKU. */
  async catalogue() {
    const { variants } = await this.#send('GET', '/product-variants?limit=100&fields=id,sku');
    return new Map(variants.map(({ sku, id }) => [sku, { id, sku }]));
  }

  async order(id) {
    return (await this.#send('GET', `/orders/${id}?fields=${orderFields}`)).order;
  }

  /** Cancels the order, as the button of the admin pages does. */
  async cancelOrder(id) {
    return (await this.#send('POST', `/orders/${id}/cancel`)).order;
  }

  /** Sets how many pieces of its first line are wanted, as the customer asked; resolves with the order. */
  async changeQuantity({ orderId, quantity }) {
    const { items } = await this.order(orderId);
    await this.#send('POST', '/order-edits', { order_id: orderId });
    const path = `/order-edits/${orderId}`;
    await this.#send('POST', `${path}/items/item/${items[0].id}`, { quantity });
    await this.#send('POST', `${path}/confirm`, {});
    return this.order(orderId);
  }

  /** Takes the money of the order's payments. */
  async capture(orderId) {
    for (const { payments } of (await this.order(orderId)).payment_collections)
      for (const { id } of payments) await this.#send('POST', `/payments/${id}/capture`, {});
    return this.order(orderId);
  }

  /** Gives `amount` of the order's first payment back. */
  async refund({ orderId, amount }) {
    const { payment_collections: collections } = await this.order(orderId);
    return this.#send('POST', `/payments/${collections[0].payments[0].id}/refund`, { amount });
  }

  /** Makes one fulfilment of everything in the order; resolves with the order. */
  async fulfil(orderId) {
    const { items } = await this.order(orderId);
    const body = { items: items.map(({ id, quantity }) => ({ id, quantity })) };
    await this.#send('POST', `/orders/${orderId}/fulfillments`, body);
    return this.order(orderId);
  }

  /** Fulfils and ships everything; resolves with the order. */
  async ship(orderId) {
    const { items, fulfillments } = await this.fulfil(orderId);
    const body = { items: items.map(({ id, quantity }) => ({ id, quantity })), labels: [] };
    const open = fulfillments.find(({ shipped_at: shippedAt }) => shippedAt === null);
    await this.#send('POST', `/orders/${orderId}/fulfillments/${open.id}/shipments`, body);
    return this.order(orderId);
  }

  /** The stock of a SKU: `{ itemId, locationId, stocked, reserved }`. */
  async stock(sku) {
    const path = `/inventory-items?sku=${sku}&fields=id,*location_levels`;
    const { inventory_items: items } = await this.#send('GET', path);
    const [level] = items[0].location_levels;
    return {
      itemId: items[0].id,
      locationId: level.location_id,
      stocked: level.stocked_quantity,
      reserved: level.reserved_quantity,
    };
  }

  /** Sets what is on the shelves. */
  async changeStock({ sku, stocked }) {
    const { itemId, locationId } = await this.stock(sku);
    const path = `/inventory-items/${itemId}/location-levels/${locationId}`;
    await this.#send('POST', path, { stocked_quantity: stocked });
  }

  /** Sets what the variant costs from now on. */
  async changePrice({ sku, price }) {
    const path = `/product-variants?sku=${sku}&fields=id,product_id`;
    const { variants } = await this.#send('GET', path);
    const [{ id, product_id: productId }] = variants;
    const body = { prices: [{ currency_code: 'eur', amount: price }] };
    await this.#send('POST', `/products/${productId}/variants/${id}`, body);
  }
}

/**
 * Places one order of a guest and resolves with it, as staff sees it. Its payment is authorised, not captured.
 * @param {{ url: string, storefront: { key: string, regionId: string }, person: object,
 *   items: { variantId: string, quantity: number }[] }} options
 */
export async function placeOrder({ url, storefront, person, items }) {
  const headers = { 'x-publishable-api-key': storefront.key };
  const post = (path, body) =>
    send({ url, path: `/store${path}`, method: 'POST', headers, body: body ?? {} });
  const { cart } = await post('/carts', {
    region_id: storefront.regionId,
    email: person.email,
    shipping_address: addressOf(person),
    billing_address: addressOf(person),
    items: items.map(({ variantId, quantity }) => ({ variant_id: variantId, quantity })),
  });
  const path = `/store/shipping-options?cart_id=${cart.id}`;
  const { shipping_options: options } = await send({ url, path, method: 'GET', headers });
  await post(`/carts/${cart.id}/shipping-methods`, { option_id: options[0].id });
  const { payment_collection: collection } = await post('/payment-collections', {
    cart_id: cart.id,
  });
  await post(`/payment-collections/${collection.id}/payment-sessions`, {
    provider_id: 'pp_system_default',
  });
  const { type, order, error } = await post(`/carts/${cart.id}/complete`);
  if (type !== 'order') throw new Error(`the cart became no order: ${error?.message}`);
  return order;
}

/** Lets the shop's own faulty job cancel orders, `by` its workflow or by its order module alone. */
export async function runFaultyJob({ url, orderIds, by }) {
  await send({ url, path: '/faulty-job', method: 'POST', body: { orderIds, by } });
}

/** Lets a job that knows the payments alone give all of the order's money back. */
export async function refundPastOrder({ url, order }) {
  for (const { payments } of order.payment_collections)
    for (const { id: paymentId, amount } of payments)
      await send({ url, path: '/refunds', method: 'POST', body: { paymentId, amount } });
}
