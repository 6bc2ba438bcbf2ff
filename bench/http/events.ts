/** The id of the shop that tells of its orders by HTTP. */
export const toldShopId = 'told';

const customers = 2_000;

interface Made {
  /** number of the first order; each has two events */
  readonly firstOrder: number;
  readonly count: number;
}

/** Events of orders that are placed (with lines, payment and personal data) and then shipped, as JSON texts. */
export function eventTexts({ firstOrder, count }: Made): string[] {
  const now = Date.now();
  return Array.from({ length: count }, (_, place) => {
    const order = firstOrder + Math.floor(place / 2);
    const event = place % 2 === 0 ? placed(order) : shipped(order);
    const time = new Date(now - (count - place)).toISOString();
    return JSON.stringify({
      specversion: '1.0',
      id: `${order}-${place % 2}`,
      source: '/shops/told/checkout',
      time,
      ...event,
    });
  });
}

function placed(order: number): object {
  return {
    type: 'com.reinstate.order.placed',
    data: {
      shop: toldShopId,
      orderId: String(order),
      orderNumber: `T-${order}`,
      customerId: `c-${order % customers}`,
      currency: 'EUR',
      totalMinor: 3_500,
      lines: [1, 2, 3].map((line) => ({
        lineId: String(line),
        product: `product-${(order * 3 + line) % 400}`,
        quantity: 1,
        unitPriceMinor: 1_000,
        totalMinor: 1_000,
      })),
      shipping: [{ lineId: '1', method: 'parcel', priceMinor: 500 }],
      payments: [{ paymentId: 'p1', method: 'card', state: 'captured', amountMinor: 3_500 }],
      attributes: { channel: 'web', app_version: `8.${order % 4}.1`, warehouse: 'LEJ' },
      personal: { email: `c${order % customers}@example.com`, ship_name: 'Ann Example' },
    },
  };
}

function shipped(order: number): object {
  return {
    type: 'com.reinstate.order.shipped',
    data: { shop: toldShopId, orderId: String(order), actor: { kind: 'staff', name: 'warehouse' } },
  };
}
