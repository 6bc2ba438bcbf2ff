/** What customers and staff do in the shop, through its real APIs. */
import { GraphqlSession } from './graphql-session.mjs';

const refusal = `... on ErrorResult { errorCode message }`;
const transitionRefusal = `${refusal} ... on OrderStateTransitionError { transitionError }`;

const orderFields = `
  id code state active orderPlacedAt couponCodes currencyCode
  subTotal subTotalWithTax shipping shippingWithTax total totalWithTax totalQuantity
  customer { emailAddress }
  shippingAddress { fullName streetLine1 city postalCode countryCode }
  lines {
    id quantity orderPlacedQuantity unitPriceWithTax linePriceWithTax proratedLinePriceWithTax
    productVariant { id sku }
  }
  shippingLines { id priceWithTax discountedPriceWithTax shippingMethod { code } }
  discounts { description amountWithTax }
  payments { id method state amount refunds { id state total } }
  fulfillments { id state }
`;

const addressOf = ({ firstName, lastName }) => ({
  fullName: `${firstName} ${lastName}`,
  streetLine1: '1 Test Street',
  city: 'Berlin',
  postalCode: '10115',
  countryCode: 'DE',
  phoneNumber: '030 000000',
});

/** A customer's browser: one session, guest or logged in, one order at a time. */
export class Customer {
  #session;

  constructor({ url }) {
    this.#session = new GraphqlSession(`${url}/shop-api`);
  }

  /** Makes an account with a password and logs in with it. */
  async register({ firstName, lastName, emailAddress, password }) {
    await this.#session.mutate(
      `mutation ($input: RegisterCustomerInput!) { registerCustomerAccount(input: $input) { __typename ${refusal} } }`,
      { input: { firstName, lastName, emailAddress, password } },
    );
    await this.logIn({ emailAddress, password });
  }

  async logIn({ emailAddress, password }) {
    await this.#session.mutate(
      `mutation ($name: String!, $password: String!) { login(username: $name, password: $password) { __typename ${refusal} } }`,
      { name: emailAddress, password },
    );
  }

  async addItem({ variantId, quantity }) {
    return this.#session.mutate(
      `mutation ($id: ID!, $quantity: Int!) {
         addItemToOrder(productVariantId: $id, quantity: $quantity) { ... on Order { id } ${refusal} }
       }`,
      { id: variantId, quantity },
    );
  }

  async applyCoupon(code) {
    return this.#session.mutate(
      `mutation ($code: String!) { applyCouponCode(couponCode: $code) { ... on Order { id } ${refusal} } }`,
      { code },
    );
  }

  /** Says who buys; a logged-in customer is known already. */
  async introduce({ firstName, lastName, emailAddress }) {
    return this.#session.mutate(
      `mutation ($input: CreateCustomerInput!) { setCustomerForOrder(input: $input) { ... on Order { id } ${refusal} } }`,
      { input: { firstName, lastName, emailAddress } },
    );
  }

  async setAddress(person) {
    return this.#session.mutate(
      `mutation ($input: CreateAddressInput!) { setOrderShippingAddress(input: $input) { ... on Order { id } ${refusal} } }`,
      { input: addressOf(person) },
    );
  }

  async setShippingMethod(code) {
    const { eligibleShippingMethods } = await this.#session.request(
      `{ eligibleShippingMethods { id code } }`,
    );
    const method = eligibleShippingMethods.find((eligible) => eligible.code === code);
    if (!method) throw new Error(`the shop offers no shipping method ${code}`);
    return this.#session.mutate(
      `mutation ($id: [ID!]!) { setOrderShippingMethod(shippingMethodId: $id) { ... on Order { id } ${refusal} } }`,
      { id: [method.id] },
    );
  }

  /** Pays for the active order; it is then placed. */
  async pay(method) {
    await this.#session.mutate(
      `mutation { transitionOrderToState(state: "ArrangingPayment") { ... on Order { id } ${transitionRefusal} } }`,
    );
    return this.#session.mutate(
      `mutation ($input: PaymentInput!) {
         addPaymentToOrder(input: $input) { ... on Order { ${orderFields} } ${transitionRefusal} }
       }`,
      { input: { method, metadata: {} } },
    );
  }

  /** The order as its customer sees it, or `null`. */
  async order(code) {
    const { orderByCode } = await this.#session.request(
      `query ($code: String!) { orderByCode(code: $code) { ${orderFields} } }`,
      { code },
    );
    return orderByCode;
  }
}

/**
 * Places one paid order and resolves with it as the shop's answer to the payment shows it.
 * With `person.password` the customer registers first, otherwise they buy as a guest.
 * @param {{ url: string, person: object, items: { variantId: string, quantity: number }[], couponCode?: string,
 *   shippingMethod?: string, paymentMethod?: string }} options
 */
export async function placeOrder({
  url,
  person,
  items,
  couponCode,
  shippingMethod = 'parcel',
  paymentMethod = 'card',
}) {
  const customer = new Customer({ url });
  if (person.password) await customer.register(person);
  for (const item of items) await customer.addItem(item);
  if (couponCode) await customer.applyCoupon(couponCode);
  if (!person.password) await customer.introduce(person);
  await customer.setAddress(person);
  await customer.setShippingMethod(shippingMethod);
  return customer.pay(paymentMethod);
}

/** A member of staff, logged in to the admin API. */
export class Administrator {
  #session;
  #url;

  constructor({ url }) {
    this.#url = url;
    this.#session = new GraphqlSession(`${url}/admin-api`);
  }

  /** Logs in and resolves with the administrator. */
  static async logIn({ url, identifier = 'superadmin', password = 'superadmin' }) {
    const administrator = new Administrator({ url });
    await administrator.#session.mutate(
      `mutation ($name: String!, $password: String!) { login(username: $name, password: $password) { __typename ${refusal} } }`,
      { name: identifier, password },
    );
    return administrator;
  }

  /** Adds a colleague with every right and resolves with their id; they log in with `emailAddress`. */
  async hire({ firstName, lastName, emailAddress, password }) {
    const { roles } = await this.#session.request(`{ roles { items { id code } } }`);
    const role = roles.items.find(({ code }) => code === '__super_admin_role__');
    const { id } = await this.#session.mutate(
      `mutation ($input: CreateAdministratorInput!) { createAdministrator(input: $input) { id } }`,
      { input: { firstName, lastName, emailAddress, password, roleIds: [role.id] } },
    );
    return id;
  }

  /** Logs a hired colleague in. */
  colleague({ emailAddress, password }) {
    return Administrator.logIn({ url: this.#url, identifier: emailAddress, password });
  }

  async order(id) {
    const { order } = await this.#session.request(
      `query ($id: ID!) { order(id: $id) { ${orderFields} } }`,
      { id },
    );
    return order;
  }

  /** The order's history, oldest first, as staff sees it: `{ type, data, administrator }`. */
  async history(id) {
    const { order } = await this.#session.request(
      `query ($id: ID!) {
         order(id: $id) { history(options: { sort: { id: ASC } }) { items { type data isPublic administrator { emailAddress } } } }
       }`,
      { id },
    );
    return order.history.items;
  }

  /** Every variant as `{ id, sku, priceWithTax, stockOnHand, stockAllocated }`. */
  async variants() {
    const { productVariants } = await this.#session.request(
      `{ productVariants(options: { take: 100 }) { items { id sku price priceWithTax stockLevels { stockOnHand stockAllocated } } } }`,
    );
    return productVariants.items.map(({ stockLevels: [level], ...variant }) => ({
      ...variant,
      ...level,
    }));
  }

  /** The variants by SKU. */
  async catalogue() {
    return new Map((await this.variants()).map((variant) => [variant.sku, variant]));
  }

  async changePrice({ variantId, price }) {
    return this.#updateVariant({ id: variantId, price });
  }

  /** Sets what is on hand, in the first stock location unless another one is named. */
  async changeStock({ variantId, stockOnHand, stockLocationId = '1' }) {
    return this.#updateVariant({ id: variantId, stockLevels: [{ stockLocationId, stockOnHand }] });
  }

  /** How many pieces of a variant are kept back (below zero: may be sold before they are there). */
  async changeThreshold({ variantId, outOfStockThreshold }) {
    const own = { useGlobalOutOfStockThreshold: false, outOfStockThreshold };
    return this.#updateVariant({ id: variantId, ...own });
  }

  /** Adds a warehouse and resolves with its id. */
  async openStockLocation(name) {
    const { id } = await this.#session.mutate(
      `mutation ($input: CreateStockLocationInput!) { createStockLocation(input: $input) { id } }`,
      { input: { name, description: name } },
    );
    return id;
  }

  async #updateVariant(input) {
    return this.#session.mutate(
      `mutation ($input: [UpdateProductVariantInput!]!) { updateProductVariants(input: $input) { id } }`,
      { input: [input] },
    );
  }

  /** Makes a promotion that takes `percent` off the order for those who give the code. */
  async createCoupon({ code, percent }) {
    const argument = (name, value) => ({ name, value: String(value) });
    return this.#session.mutate(
      `mutation ($input: CreatePromotionInput!) { createPromotion(input: $input) { ... on Promotion { id } ${refusal} } }`,
      {
        input: {
          enabled: true,
          couponCode: code,
          translations: [{ languageCode: 'en', name: `${percent} % off` }],
          conditions: [],
          actions: [
            { code: 'order_percentage_discount', arguments: [argument('discount', percent)] },
          ],
        },
      },
    );
  }

  /**
   * Cancels the whole order, or with `lines` (`[{ orderLineId, quantity }]`) a part of it.
   * Resolves with the order.
   */
  async cancelOrder({ orderId, reason, cancelShipping, lines }) {
    return this.#session.mutate(
      `mutation ($input: CancelOrderInput!) { cancelOrder(input: $input) { ... on Order { ${orderFields} } ${transitionRefusal} } }`,
      { input: { orderId, reason, cancelShipping, ...(lines && { lines }) } },
    );
  }

  /** Gives `amount` back to the order's first payment. */
  async refund({ orderId, amount, reason }) {
    const { payments } = await this.order(orderId);
    return this.#session.mutate(
      `mutation ($input: RefundOrderInput!) { refundOrder(input: $input) { ... on Refund { id state total } ${refusal} } }`,
      {
        input: { paymentId: payments[0].id, amount, reason, lines: [], shipping: 0, adjustment: 0 },
      },
    );
  }

  /** Makes one fulfilment of everything in the order and resolves with its id. */
  async fulfil(orderId) {
    const { lines } = await this.order(orderId);
    const { id } = await this.#session.mutate(
      `mutation ($input: FulfillOrderInput!) { addFulfillmentToOrder(input: $input) { ... on Fulfillment { id } ${refusal} } }`,
      {
        input: {
          lines: lines
            .filter(({ quantity }) => quantity > 0)
            .map(({ id: orderLineId, quantity }) => ({ orderLineId, quantity })),
          handler: {
            code: 'manual-fulfillment',
            arguments: [
              { name: 'method', value: 'parcel' },
              { name: 'trackingCode', value: `T-${orderId}` },
            ],
          },
        },
      },
    );
    return id;
  }

  /** Moves a fulfilment to `Shipped`, `Delivered` or `Cancelled`. */
  async moveFulfilment({ fulfillmentId, state }) {
    return this.#session.mutate(
      `mutation ($id: ID!, $state: String!) {
         transitionFulfillmentToState(id: $id, state: $state) { ... on Fulfillment { id state } ${refusal} ... on FulfillmentStateTransitionError { transitionError } }
       }`,
      { id: fulfillmentId, state },
    );
  }

  /** Fulfils the whole order and ships it; resolves with the order. */
  async ship(orderId) {
    await this.moveFulfilment({ fulfillmentId: await this.fulfil(orderId), state: 'Shipped' });
    return this.order(orderId);
  }

  /** Delivers everything that was shipped; resolves with the order. */
  async deliver(orderId) {
    const { fulfillments } = await this.order(orderId);
    for (const { id, state } of fulfillments) {
      if (state === 'Shipped') await this.moveFulfilment({ fulfillmentId: id, state: 'Delivered' });
    }
    return this.order(orderId);
  }
}

/**
 * Lets the shop's own faulty job cancel orders, one transaction each, with no administrator behind it.
 * Resolves with `[{ orderId, state, error }]`.
 */
export async function runFaultyJob({ url, orderIds, reason, cancelShipping = true }) {
  const response = await fetch(`${url}/faulty-job`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ orderIds, reason, cancelShipping }),
  });
  if (!response.ok) throw new Error(`the faulty job answered ${response.status}`);
  return response.json();
}
